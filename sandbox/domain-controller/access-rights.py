"""Adds access control entries to objects, in the local database and as the system itself.

Uses modules/directory/setup/access_rights.py (PYTHONPATH). Reads {"configFile": path, "database": path,
"grants": [{"dn": object, "sddl": entries}]} from standard input.
"""

import json
import re
import sys

from access_rights import add_entry
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

job = json.load(sys.stdin)
database = SamDB(
    url=job["database"],
    session_info=system_session(),
    lp=LoadParm(filename_for_non_global_lp=job["configFile"]),
)
database.transaction_start()
try:
    for grant in job["grants"]:
        # Each is put in front: the last one first keeps their order.
        for entry in reversed(re.findall(r"\([^()]*\)", grant["sddl"]) or [grant["sddl"]]):
            add_entry(database, grant["dn"], entry)
except BaseException:
    database.transaction_cancel()
    raise
database.transaction_commit()
