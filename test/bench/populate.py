"""Adds entries to a domain's local database in one transaction: over LDAP ten thousand would take a minute.

Reads {"configFile", "database", "ldif"} from standard input.
"""
import json
import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

request = json.load(sys.stdin)
parameters = LoadParm()
parameters.load(request["configFile"])
database = SamDB(url=request["database"], session_info=system_session(), lp=parameters)
database.transaction_start()
try:
    database.add_ldif(request["ldif"])
except BaseException:
    database.transaction_cancel()
    raise
database.transaction_commit()
