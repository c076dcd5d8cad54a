"""The group policy that denies the connector's account interactive log-on, in the local database and the local SYSVOL folder.

`samba-tool gpo` needs a running SMB server and knows no user rights (Samba 4.17).
"""

import os
import re
import shutil
import uuid

import ldb
from samba.auth_util import system_session_unix
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.ntacls import dsacl2fsacl, setntacl
from samba.samba3 import param as file_server_param

POLICY_NAME = "Active Directory Lambda: connector account"

# Security settings, edited as computer policy (MS-GPSB section 1.9).
EXTENSION = "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
TEMPLATE = os.path.join("MACHINE", "Microsoft", "Windows NT", "SecEdit", "GptTmpl.inf")

# A user right in a policy replaces the computer's own list (MS-GPSB section 3.2.5.6). Windows denies Guest local log-on by default;
# naming the built-in group of guests keeps that.
DENIED = {
    "SeDenyInteractiveLogonRight": ("{account}", "S-1-5-32-546"),
    "SeDenyRemoteInteractiveLogonRight": ("{account}",),
}
EMPTY = '[Unicode]\r\nUnicode=yes\r\n[Version]\r\nsignature="$CHICAGO$"\r\nRevision=1\r\n[Privilege Rights]\r\n'


def with_denials(text, sid):
    """The security template with the account in both lists, other entries as they were (MS-GPSB section 2.2.6)."""
    if "[Privilege Rights]" not in text:
        text = text.rstrip("\r\n") + "\r\n[Privilege Rights]\r\n"
    for right, trustees in DENIED.items():
        line = re.search(rf"^{right}\s*=[ \t]*([^\r\n]*)", text, re.MULTILINE)
        listed = [entry.strip() for entry in line.group(1).split(",") if entry.strip()] if line else []
        listed += [entry for entry in (f"*{one.format(account=sid)}" for one in trustees) if entry not in listed]
        wanted = f"{right} = {','.join(listed)}"
        if line:
            text = text[: line.start()] + wanted + text[line.end() :]
        else:
            text = text.replace("[Privilege Rights]\r\n", f"[Privilege Rights]\r\n{wanted}\r\n")
    return text


def read_template(file):
    """Windows writes it as UTF-16 with a byte order mark; other tools as UTF-8. None where there is no file."""
    if not os.path.exists(file):
        return None
    with open(file, "rb") as stored:
        content = stored.read()
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def write(file, content):
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "wb") as stored:
        stored.write(content)


def find_policy(database, policies):
    found = database.search(
        policies,
        ldb.SCOPE_ONELEVEL,
        f"(&(objectClass=groupPolicyContainer)(displayName={ldb.binary_encode(POLICY_NAME)}))",
        ["cn", "versionNumber", "gPCMachineExtensionNames"],
    )
    return found[0] if found else None


def create_policy(database, policies, domain):
    name = f"{{{str(uuid.uuid4()).upper()}}}"
    dn = f"CN={name},{policies}"
    database.add(
        {
            "dn": dn,
            "objectClass": "groupPolicyContainer",
            "displayName": POLICY_NAME,
            "gPCFileSysPath": f"\\\\{domain}\\sysvol\\{domain}\\Policies\\{name}",
            "gPCFunctionalityVersion": "2",
            "flags": "0",
            "versionNumber": "0",
            "gPCMachineExtensionNames": EXTENSION,
        }
    )
    for child in ("Machine", "User"):
        database.add({"dn": f"CN={child},{dn}", "objectClass": "container"})


def link_policy(database, dn):
    """Yields what was changed. The link goes in front, where the lowest precedence is: any other policy wins."""
    base = database.domain_dn()
    domain = database.search(base, ldb.SCOPE_BASE, attrs=["gPLink"])[0]
    links = str(domain["gPLink"][0]) if "gPLink" in domain else ""
    if f"[ldap://{dn};".lower() in links.lower():
        return
    change = ldb.Message(domain.dn)
    change["link"] = ldb.MessageElement(f"[LDAP://{dn};0]{links.strip()}", ldb.FLAG_MOD_REPLACE, "gPLink")
    database.modify(change)
    yield f'linked the policy "{POLICY_NAME}" to {base}, with the lowest precedence'


def protect(database, parameters, dn, folder):
    """Gives the files the policy's own access rights, as GPMC and `samba-tool gpo create` do (MS-GPOL section 3.3.5)."""
    flags = security.SECINFO_OWNER | security.SECINFO_GROUP | security.SECINFO_DACL
    policy = database.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=[f"sd_flags:1:{flags}"])[0]
    sid = security.dom_sid(database.get_domain_sid())
    sddl = dsacl2fsacl(ndr_unpack(security.descriptor, policy["nTSecurityDescriptor"][0]).as_sddl(sid), sid)
    # The file server's library has a configuration of its own; unless it is loaded, it looks for its folders in "".
    file_server_param.get_context().load(parameters.configfile)
    share = "sysvol" if "sysvol" in parameters.services() else None
    paths = [folder] + [os.path.join(parent, name) for parent, folders, files in os.walk(folder) for name in folders + files]
    for path in paths:
        setntacl(parameters, path, sddl, str(sid), system_session_unix(), use_ntvfs=False, service=share)


def other_policies(policies_folder, own):
    """Policies that set one of the two rights too: where they apply, they win."""
    for name in sorted(os.listdir(policies_folder)):
        for machine in ("MACHINE", "Machine"):
            text = read_template(os.path.join(policies_folder, name, TEMPLATE.replace("MACHINE", machine, 1)))
            if name != own and text and any(right in text for right in DENIED):
                yield name
                break


def deny_log_on(database, parameters, sysvol, sid, undo):
    """Yields what was changed."""
    policies = f"CN=Policies,CN=System,{database.domain_dn()}"
    domain = database.domain_dns_name()
    policies_folder = os.path.join(sysvol, domain, "Policies")
    if not os.path.isdir(policies_folder):
        raise OSError(f"{policies_folder} is no folder; say where SYSVOL is with --sysvol, or use --without-log-on-policy")
    policy = find_policy(database, policies)
    if policy is None:
        create_policy(database, policies, domain)
        policy = find_policy(database, policies)
        yield f'created the policy "{POLICY_NAME}" {policy["cn"]}'

    dn = str(policy.dn)
    name = str(policy["cn"])
    folder = os.path.join(policies_folder, name)
    text = read_template(os.path.join(folder, TEMPLATE))
    wanted = with_denials(text or EMPTY, sid)
    if text != wanted:
        # The lower 16 bits count changes for computers (MS-GPOL section 2.2.4); clients compare it with GPT.INI's.
        version = int(str(policy["versionNumber"])) + 1
        if not os.path.exists(folder):
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "USER"), exist_ok=True)
        write(os.path.join(folder, TEMPLATE), b"\xff\xfe" + wanted.encode("utf-16-le"))
        write(os.path.join(folder, "GPT.INI"), f"[General]\r\nVersion={version}\r\n".encode())
        protect(database, parameters, dn, folder)
        change = ldb.Message(policy.dn)
        change["version"] = ldb.MessageElement(str(version), ldb.FLAG_MOD_REPLACE, "versionNumber")
        database.modify(change)
        yield f"denied {sid} interactive log-on in {folder}, version {version}"
    yield from link_policy(database, dn)
    for other in other_policies(policies_folder, name):
        print(f"note: policy {other} sets the same user rights and wins where it applies; add *{sid} to its lists")
