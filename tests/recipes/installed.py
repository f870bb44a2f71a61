# SPDX-License-Identifier: Apache-2.0
"""Servers beside PostgreSQL whose pair certferry-install@.service installs: each reads it, as its own user's or as root's,
and shows each renewal.  None of them needs it, so there is no recipe; the steps are those of one."""

from pathlib import Path

from tests.recipes.served import check
from tests.system.bed import test

HERE = Path("/run/installed")
TARGET = "/var/lib/certferry-install"
DELIVERY = """
certificates:
  {name}-pair:
    arn: arn:aws:acm:eu-west-1:111111111111:certificate/ID
    deliver: [{{to: {name}-files, then: [{name}-install, {name}]}}]
destinations:
  {name}-files: {{kind: file, directory: /var/lib/certferry-tls}}
dependents:
  {name}-install: {{kind: systemd, unit: certferry-install@{name}.service, action: start}}
  {name}: {{kind: systemd, unit: "{unit}", action: reload, after: [{name}-install], prove: {prove}}}
"""
INSTANCE = """
directory=/var/lib/certferry-tls
as={name}-pair
target=/var/lib/certferry-install/{name}
owner={owner}
group={group}
mode={mode}
"""


def server(name, package, unit, prove, owner, group, mode, place, settings):
    def function():
        folder = HERE / name
        folder.mkdir(parents=True, exist_ok=True)
        values = {"name": name, "unit": unit, "prove": prove, "owner": owner, "group": group, "mode": mode}
        head = "# SPDX-License-Identifier: Apache-2.0\n# "
        (folder / "certferry.yaml").write_text(
            f"{head}/etc/certferry/conf.d/{name}.yaml{DELIVERY.format(**values)}"
        )
        (folder / "install.conf").write_text(f"{head}/etc/certferry/install/{name}.conf{INSTANCE.format(**values)}")
        (folder / "server.conf").write_text(f"{head}{place}\n{settings}")
        check(name, package, unit, refuses=f"certferry-install@{name}.service", folder=HERE)

    function.__name__ = f"installed_{name}"
    test(function)


server(
    "postfix", "postfix", "postfix@-.service", '{connect: "localhost:25", starttls: smtp}', "root", "root", "0600",
    "Lines for /etc/postfix/main.cf",
    f"""smtpd_tls_security_level = may
smtpd_tls_cert_file = {TARGET}/postfix/fullchain.pem
smtpd_tls_key_file = {TARGET}/postfix/privkey.pem
""",
)  # fmt: skip
server(
    "dovecot", "dovecot-imapd", "dovecot.service", '{connect: "localhost:993"}', "dovecot", "dovecot", "0400",
    "/etc/dovecot/local.conf",
    f"""ssl = required
ssl_cert = <{TARGET}/dovecot/fullchain.pem
ssl_key = <{TARGET}/dovecot/privkey.pem
""",
)  # fmt: skip
server(
    "mosquitto", "mosquitto", "mosquitto.service", '{connect: "localhost:8883"}', "mosquitto", "mosquitto", "0600",
    "/etc/mosquitto/conf.d/tls.conf",
    f"""listener 8883
certfile {TARGET}/mosquitto/fullchain.pem
keyfile {TARGET}/mosquitto/privkey.pem
""",
)  # fmt: skip
