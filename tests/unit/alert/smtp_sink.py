"""A mail server for tests, on a free loopback port: smtp_sink.py FOLDER [--tls CERT KEY] [--login USER PASSWORD]

Writes its port to FOLDER/port, and each mail to FOLDER/mail-N: the envelope in the first line, then the content. It ends with
its standard input.
"""
import argparse
import asyncio
import logging
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Sink:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = f"{envelope.mail_from} -> {','.join(envelope.rcpt_tos)} tls={session.ssl is not None} " \
               f"login={bool(session.authenticated)}\n"
        new = self.folder / "new"
        new.write_bytes(head.encode() + envelope.content)
        new.rename(self.folder / f"mail-{self.count}")
        return "250 taken"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--login", nargs=2)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)  # refused handshakes are what some tests are about
    settings = {}
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        settings |= {"tls_context": context, "require_starttls": True}
    if args.login:
        def judge(server, session, envelope, mechanism, data):
            good = (data.login.decode(), data.password.decode()) == tuple(args.login)
            return AuthResult(success=good, handled=good)
        settings |= {"authenticator": judge, "auth_required": True}
    asyncio.run(serve(args.folder, settings))


async def serve(folder, settings):
    loop = asyncio.get_running_loop()
    sink = Sink(folder)
    server = await loop.create_server(lambda: SMTP(sink, **settings), "127.0.0.1", 0)
    (folder / "port.new").write_text(str(server.sockets[0].getsockname()[1]))
    (folder / "port.new").rename(folder / "port")
    await loop.run_in_executor(None, sys.stdin.read)


main()
