"""Adds access control entries to objects, in the local database and as the system itself.

`samba-tool dsacl set` does the same for one object at a time, but cannot see the container of deleted objects (Samba 4.17).
Reads {"configFile": path, "database": path, "grants": [{"dn": object, "sddl": entries}]} from standard input.
"""

import json
import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

job = json.load(sys.stdin)
database = SamDB(
    url=job["database"],
    session_info=system_session(),
    lp=LoadParm(filename_for_non_global_lp=job["configFile"]),
)
descriptors = SDUtils(database)
database.transaction_start()
try:
    for grant in job["grants"]:
        descriptors.dacl_add_ace(grant["dn"], grant["sddl"])
except BaseException:
    database.transaction_cancel()
    raise
database.transaction_commit()
