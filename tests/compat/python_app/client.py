"""The one client and the one record of this process, set up from the environment as apps do."""

import os

import inngest

from tests.compat.python_app.record import Record

client = inngest.Inngest(app_id=os.environ["COMPAT_APP_ID"])

record = Record()
