"""Copies a directory's database files while a domain controller uses them.

A transaction on sam.ldb locks every partition: nobody commits while the files are copied. Another process copies them, since closing a
file gives up all locks that this process holds on it (fcntl(2)).
Reads {"configFile": path, "database": path, "files": [path], "folder": path} from standard input.
"""

import json
import subprocess
import sys

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
    subprocess.run(["cp", "-a", *job["files"], job["folder"]], check=True)
finally:
    database.transaction_cancel()
