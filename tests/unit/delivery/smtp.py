#!/usr/bin/env python3
"""A real mail server with STARTTLS (aiosmtpd), which misbehaves towards some recipients. Prints its port, then serves.

usage: smtp.py CERT KEY OUT [plain]. Every message is a line of JSON in OUT, decoded by Python's own mail parser."""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

SEEN = {}


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        if address.startswith("full@"):
            return "452 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        SEEN[to] = SEEN.get(to, 0) + 1
        if to.startswith("later@") and SEEN[to] == 1:
            return "451 not now"
        if to.startswith("silent@") and SEEN[to] == 1:
            self.keep(session, envelope, message)
            await asyncio.sleep(60)
        self.keep(session, envelope, message)
        return "250 taken"

    def keep(self, session, envelope, message):
        parts = {p.get_content_type(): p.get_content() for p in message.walk() if not p.is_multipart()}
        with open(sys.argv[3], "a", encoding="utf-8") as out:
            out.write(json.dumps({"tls": session.ssl is not None, "login": session.auth_data,
                                  "from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": sorted(message.keys()),
                                  "subject": message["subject"], "id": message["message-id"],
                                  "date": str(message["date"].datetime),
                                  "text": parts.get("text/plain", ""), "html": parts.get("text/html", "")},
                                 ensure_ascii=False) + "\n")


def make_session():
    context = None
    if len(sys.argv) < 5:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1], sys.argv[2])

    def check(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"open sesame", auth_data=data.login.decode())

    return SMTP(Handler(), tls_context=context, require_starttls=context is not None, authenticator=check)


async def main():
    server = await asyncio.get_running_loop().create_server(make_session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
