"""Adds and removes access control entries of one object, in the local database.

Samba's own helpers compare entries as Python objects (4.17), find none, and add each one again; here their text is compared.
"""

from samba.dcerpc import security
from samba.sd_utils import SDUtils

# The rest of the descriptor is neither read nor written.
DACL_ONLY = ["show_deleted:1", f"sd_flags:1:{security.SECINFO_DACL}"]


def parsed(entry, domain_sid):
    """The entry, and its SDDL as Samba writes it (rights in its own order)."""
    descriptor = security.descriptor.from_sddl(f"D:{entry}", domain_sid)
    return descriptor.dacl.aces[0], descriptor.as_sddl(domain_sid).removeprefix("D:")


def add_entry(database, dn, entry):
    """Adds the entry (SDDL) in front, where denials have to stand. Returns whether it was missing."""
    descriptors = SDUtils(database)
    _, text = parsed(entry, descriptors.domain_sid)
    if text in descriptors.get_sd_as_sddl(dn, DACL_ONLY):
        return False
    descriptors.dacl_prepend_aces(dn, entry, controls=DACL_ONLY)
    return True


def remove_entry(database, dn, entry):
    """Removes the entry (SDDL). Returns whether it was there."""
    descriptors = SDUtils(database)
    ace, text = parsed(entry, descriptors.domain_sid)
    descriptor = descriptors.read_sd_on_dn(dn, controls=DACL_ONLY)
    if text not in descriptor.as_sddl(descriptors.domain_sid):
        return False
    descriptor.dacl_del_ace(ace)
    descriptors.modify_sd_on_dn(dn, descriptor, controls=DACL_ONLY)
    return True


def may_read_descriptor(database, dn, trustees):
    """Whether one of the trustees (SIDs) is allowed READ_CONTROL by name."""
    entries = SDUtils(database).read_sd_on_dn(dn, controls=DACL_ONLY).dacl.aces
    return any(
        entry.type == security.SEC_ACE_TYPE_ACCESS_ALLOWED
        and entry.access_mask & security.SEC_STD_READ_CONTROL
        and str(entry.trustee) in trustees
        for entry in entries
    )
