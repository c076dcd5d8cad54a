"""The connector's account on Samba: what create-connector-account.sh runs. New-ConnectorAccount.ps1 does the same on Microsoft's AD.

All of it goes into the local database, as the system itself and in one transaction: CN=Deleted Objects accepts no change over LDAP,
and neither does `samba-tool dsacl set` see it (Samba 4.17).
"""

import argparse
import contextlib
import getpass
import os
import secrets
import string
import sys

DEFAULT_NAME = "svc-directory-watch"
DESCRIPTION = "Reads directory changes for Active Directory Lambda"

# Object below the domain, and the access control entry on it (SDDL; MS-DTYP section 2.5.1). The same pairs stand in
# New-ConnectorAccount.ps1; docs/connector-account.md says why each.
REPLICATION = ("", "(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{account})")
READS = (
    ("CN=Deleted Objects", "(A;CI;LCRP;;;{account})"),
    ("CN=Password Settings Container,CN=System", "(A;CI;LCRPLORC;;;{account})"),
)
# Granted only where nobody may read it: AD copies each entry of this object to every protected account.
ADMIN_SD_HOLDER = ("CN=AdminSDHolder,CN=System", "(A;;RC;;;{account})")
# On the account itself: every user may write its own address, telephone number and certificates.
OWN_OBJECT = "(D;;WP;;;PS)"

AUTHENTICATED_USERS = "S-1-5-11"
EVERYONE = "S-1-1-0"


class Failure(Exception):
    """What went wrong and what helps, for the operator."""


class NoPassword(Exception):
    """The account is new, and no option says where its password comes from."""


def arguments():
    parser = argparse.ArgumentParser(
        prog="create-connector-account.sh",
        description="Creates the connector's account with the rights it needs and nothing else. A second run changes nothing.",
        epilog="Exit codes: 0 done, 1 failed (the directory is as it was), 2 usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="sAMAccountName (default: %(default)s)")
    parser.add_argument("--container", metavar="DN", help="where to create it (default: the domain's CN=Users)")
    password = parser.add_mutually_exclusive_group()
    password.add_argument("--password-stdin", action="store_true", help="read the password from the first line of standard input")
    password.add_argument("--generate-password", metavar="FILE", help="make one up and write it to a new file of mode 0600")
    parser.add_argument("--password-never-expires", action="store_true", help="for where nothing rotates it")
    parser.add_argument(
        "--without-replication",
        action="store_true",
        help="do not grant, or take away, Replicating Directory Changes (the connector's OBJECT_SECURITY mode)",
    )
    parser.add_argument("--without-log-on-policy", action="store_true", help="no group policy that denies interactive log-on")
    parser.add_argument("--configfile", metavar="SMB_CONF", help="Samba's configuration (default: Samba's own)")
    parser.add_argument("--sysvol", metavar="FOLDER", help="the SYSVOL folder (default: the share's in smb.conf)")
    options = parser.parse_args()
    # MS-ADTS section 3.1.1.6: a user's name ends at 20 characters and has none of these.
    if not 0 < len(options.name) <= 20 or set(options.name) & set('"/\\[]:;|=,+*?<>@ \t'):
        parser.error(f'--name "{options.name}" is not 1 to 20 characters without "/\\[]:;|=,+*?<>@ and spaces')
    return parser, options


parser, options = arguments()

# After the options: --help and usage errors need no Samba.
try:
    import ldb
    import samba
    from samba import dsdb
    from samba.auth import system_session
    from samba.dcerpc import security
    from samba.ndr import ndr_unpack
    from samba.param import LoadParm
    from samba.samdb import SamDB

    from access_rights import add_entry, may_read_descriptor, remove_entry
    from log_on_policy import deny_log_on
except ImportError as missing:
    sys.exit(f"failed: {missing}; install Samba's Python modules for {sys.executable}")


def first_line(stream):
    password = stream.readline().rstrip("\r\n")
    if not password:
        raise Failure("no password on standard input; write it as the first line")
    return password


def generated_password(file):
    letters = string.ascii_letters + string.digits
    # AD's complexity rule wants three of four kinds of characters (MS-SAMR section 3.1.1.7.2).
    password = "".join(secrets.choice(letters) for _ in range(36)) + "aA1-"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(password + "\n")
    except FileExistsError:
        raise Failure(f"{file} is there already; name a file that is not") from None
    return password


def asked_password():
    if not sys.stdin.isatty():
        raise NoPassword
    password = getpass.getpass(f"Password for {options.name}: ")
    if getpass.getpass("Again: ") != password:
        raise Failure("the two passwords differ")
    return password


def new_password(undo):
    if options.password_stdin:
        return first_line(sys.stdin)
    if not options.generate_password:
        return asked_password()
    password = generated_password(options.generate_password)
    undo.callback(os.unlink, options.generate_password)
    return password


def wanted_flags(flags):
    flags |= dsdb.UF_NOT_DELEGATED
    return flags | dsdb.UF_DONT_EXPIRE_PASSWD if options.password_never_expires else flags


def find_account(database):
    attributes = ["objectClass", "objectSid", "userAccountControl", "primaryGroupID", "memberOf", "adminCount", "servicePrincipalName"]
    found = database.search(
        database.domain_dn(), ldb.SCOPE_SUBTREE, f"(sAMAccountName={ldb.binary_encode(options.name)})", attributes
    )
    return found[0] if found else None


def check_ordinary(account):
    """An account that is more than an ordinary user is somebody's: it is not made the connector's."""
    classes = {str(value) for value in account["objectClass"]}
    reasons = [
        ("is no user", "user" not in classes or "computer" in classes),
        ("is protected as an administrator (adminCount)", "adminCount" in account and str(account["adminCount"]) != "0"),
        ("is a member of groups", "memberOf" in account),
        ("has another primary group than Domain Users", str(account.get("primaryGroupID", "")) != str(security.DOMAIN_RID_USERS)),
        ("has a servicePrincipalName", "servicePrincipalName" in account),
    ]
    for reason, holds in reasons:
        if holds:
            raise Failure(f'{account.dn} {reason}; choose another --name, or change that')


def create_account(database, password):
    container = options.container or database.get_wellknown_dn(database.get_default_basedn(), dsdb.DS_GUID_USERS_CONTAINER)
    dn = ldb.Dn(database, str(container))
    dn.add_child(ldb.Dn(database, f"CN={options.name}"))
    database.add(
        {
            "dn": dn,
            "objectClass": "user",
            "sAMAccountName": options.name,
            "userPrincipalName": f"{options.name}@{database.domain_dns_name()}",
            "description": DESCRIPTION,
            "userAccountControl": str(wanted_flags(dsdb.UF_NORMAL_ACCOUNT)),
            "clearTextPassword": password.encode("utf-16-le"),
        }
    )


def ensure_account(database, undo):
    """Yields what was changed."""
    account = find_account(database)
    if account is None:
        create_account(database, new_password(undo))
        yield f"created {find_account(database).dn}"
        return
    check_ordinary(account)
    flags = int(str(account["userAccountControl"]))
    if flags != wanted_flags(flags):
        change = ldb.Message(account.dn)
        change["flags"] = ldb.MessageElement(str(wanted_flags(flags)), ldb.FLAG_MOD_REPLACE, "userAccountControl")
        database.modify(change)
        yield f"set the flags of {account.dn}, whose password is left as it is"


def ensure_rights(database, account, sid):
    """Yields what was changed."""

    def resolved(right):
        name, template = right
        return ",".join(filter(None, [name, database.domain_dn()])), template.format(account=sid)

    def granted(right):
        dn, entry = resolved(right)
        if add_entry(database, dn, entry):
            yield f"granted {entry} on {dn}"

    for right in READS:
        yield from granted(right)
    if options.without_replication:
        dn, entry = resolved(REPLICATION)
        if remove_entry(database, dn, entry):
            yield f"took away {entry} on {dn}"
    else:
        yield from granted(REPLICATION)
    if not may_read_descriptor(database, resolved(ADMIN_SD_HOLDER)[0], {AUTHENTICATED_USERS, EVERYONE, sid}):
        yield from granted(ADMIN_SD_HOLDER)
    if add_entry(database, str(account), OWN_OBJECT):
        yield f"denied {account} to change itself: {OWN_OBJECT}"


def set_up(database, parameters, undo):
    """Yields what was changed."""
    yield from ensure_account(database, undo)
    account = find_account(database)
    sid = str(ndr_unpack(security.dom_sid, account["objectSid"][0]))
    yield from ensure_rights(database, account.dn, sid)
    if not options.without_log_on_policy:
        sysvol = options.sysvol or parameters.get("path", "sysvol")
        if not sysvol:
            raise Failure("smb.conf has no share [sysvol]; say where it is with --sysvol, or use --without-log-on-policy")
        yield from deny_log_on(database, parameters, sysvol, sid, undo)


def main():
    if options.configfile:
        # Also the file server's library, which sets the access rights of files, finds it by this variable.
        os.environ["SMB_CONF_PATH"] = options.configfile
    parameters = LoadParm()
    parameters.load_default()
    # Opened by its file: without it an empty database would be made.
    file = parameters.samdb_url().removeprefix("tdb://")
    if not os.access(file, os.W_OK):
        raise Failure(f"{file} cannot be written; run this as root on a domain controller")
    database = SamDB(url=file, session_info=system_session(parameters), lp=parameters)
    if database.am_rodc():
        raise Failure("this domain controller is read-only; run this on a writable one")
    # Files that were written are removed again unless the transaction ends well.
    with contextlib.ExitStack() as undo:
        database.transaction_start()
        try:
            changes = list(set_up(database, parameters, undo))
        except BaseException:
            database.transaction_cancel()
            raise
        database.transaction_commit()
        undo.pop_all()
    print("\n".join(changes or [f"no change: {options.name} is set up"]))


try:
    main()
except NoPassword:
    parser.error("no terminal to ask for the new account's password; use --password-stdin or --generate-password FILE")
except Failure as failure:
    sys.exit(f"failed: {failure}")
except ldb.LdbError as error:
    sys.exit(f"failed: {error.args[1]}")
except (OSError, RuntimeError, samba.NTSTATUSError) as error:
    sys.exit(f"failed: {error}")
