#!/bin/sh
# Creates the account that the connector reads the directory with, and grants it what it needs and nothing else.
#
# For Samba: run it as root on one domain controller. New-ConnectorAccount.ps1 does the same on Microsoft's AD.
#
#   create-connector-account.sh [--name NAME] [--container DN] [--password-stdin | --generate-password FILE]
#                               [--password-never-expires] [--without-replication] [--without-log-on-policy]
#                               [--configfile SMB_CONF] [--sysvol FOLDER]
#   create-connector-account.sh --help
#
# A second run changes nothing and says so. Exit codes: 0 done, 1 failed (the directory is as it was), 2 usage.
set -eu

PATH=$PATH:/usr/local/samba/bin:/usr/local/sbin:/usr/sbin:/sbin

# Samba's Python modules are installed for the interpreter that samba-tool names, which need not be the first python3 on PATH.
tool=$(command -v samba-tool) || {
  echo 'failed: samba-tool is not on PATH; run this on a Samba domain controller' >&2
  exit 1
}
interpreter=$(sed -n '1s/^#! *//p' "$tool")

# Unquoted: the interpreter may be "/usr/bin/env python3". -B: no compiled files beside the scripts.
# shellcheck disable=SC2086
exec $interpreter -B "$(dirname "$0")/connector_account.py" "$@"
