"""The old names: where each lives now, and whether it works as it did.

The one table of old names, from which `lifetime port` says what becomes of those a program uses;
docs/reference/old-names.md has no name that is not here.  Only data, and how to look it up; whether
it is true, tests/porting/test_names.py checks against `servers.medusa` and `servers.zserver`.

A name may be dotted: `http_request.push` is an attribute of that class or of its objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


class State(Enum):
    """What becomes of an old name."""

    WORKS = "works"
    DIFFERENT = "works differently"
    MISSING = "missing"


@dataclass(frozen=True)
class OldName:
    """One old name: the module it was in, its state here, and what to know about it."""

    module: str
    name: str
    state: State
    #: How it differs, or what to use instead; empty if it works.
    note: str = ""


@dataclass(frozen=True)
class OldModule:
    """One old module: where its names are now ("" if nowhere), and each of them.

    works: names, separated by blanks; different and missing: what to know about each.
    """

    here: str
    works: str = ""
    different: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


TEXT = "gets bytes; decode them where you need text"
STATIC_ONLY = "kept for programs that read it; changing it changes nothing"
NOT_YET = "is not here yet"
PCGI = "PCGI is left out; serve HTTP, or FastCGI with servers.zserver.FCGIServer"
MARSHAL = "an empty host is 127.0.0.1; plain values only, no names that begin with an underscore"
GIF = "the picture is our own"
DIGEST = "as the original, whose digits are not padded; a client of ours and one of medusa agree"

MODULES: dict[str, OldModule] = {
    # --- medusa 0.5.4, and what is the same in supervisor's and ZServer's copies ---------------
    "medusa.http_server": OldModule(
        "servers.medusa.http_server",
        works="""
        http_request http_request.channel http_request.request http_request.uri
        http_request.version http_request.header http_request.reply_code
        http_request.collector
        http_request.use_chunked http_request.request_number http_request.request_counter
        http_request.responses http_request.DEFAULT_ERROR_MESSAGE http_request.path_regex
        http_request.has_key http_request.get_header_with_regex
        http_request.split_uri http_request.push http_request.response http_request.reply_now
        http_request.build_reply_header http_request.done http_request.log
        http_request.found_terminator http_request.log_date_string
        http_channel http_channel.server http_channel.addr http_channel.current_request
        http_channel.creation_time http_channel.channel_number http_channel.channel_counter
        http_channel.request_counter http_channel.check_maintenance http_channel.maintenance
        http_channel.kill_zombies http_channel.recv http_channel.handle_error http_channel.log
        http_channel.push http_channel.push_with_producer http_channel.close_when_done
        http_channel.get_terminator http_channel.found_terminator
        http_server http_server.SERVER_IDENT http_server.channel_class http_server.ip
        http_server.port http_server.server_name http_server.server_port http_server.handlers
        http_server.logger http_server.total_clients http_server.total_requests
        http_server.exceptions http_server.bytes_in http_server.bytes_out
        http_server.install_handler http_server.remove_handler http_server.status
        http_server.handle_accept http_server.log_info
        get_header get_header_match join_headers crack_request maybe_status unquote splitquery
        fifo http_date producers tz_for_log compute_timezone_for_log CONNECTION REQUEST
        VERSION_STRING trusted_proxies
        """,
        different={
            "http_request.command": "upper case, as it was sent; in servers.zserver lower case",
            "http_request.error": "no body goes to HEAD, 204 and 304; pages of ours",
            "http_request.get_header": "joins repeated fields, and needs no blank behind the colon",
            "http_request.outgoing": "holds bytes, where it held a simple_producer",
            "http_request.reply_headers": "has no Date and Server until they are sent",
            "http_request.collect_incoming_data": TEXT,
            "http_channel.in_buffer": "bytes, and bounded: a longer head is answered with 431",
            "http_channel.ac_out_buffer_size": STATIC_ONLY,
            "http_channel.maintenance_interval": STATIC_ONLY,
            "http_channel.zombie_timeout": "seconds without activity, not since the connection",
            "http_channel.send": "takes bytes; counts what was sent, not what was offered",
            "http_channel.set_terminator": "text is taken as latin-1; what is collected is bytes",
        },
        missing={
            "http_channel.writable_for_proxy": "nothing calls it; a producer that has nothing yet "
            "may say so from more()",
        },
    ),
    "medusa.default_handler": OldModule(
        "servers.medusa.default_handler",
        works="""
        default_handler default_handler.valid_commands default_handler.directory_defaults
        default_handler.default_file_producer default_handler.hit_counter
        default_handler.file_counter default_handler.cache_counter default_handler.IDENT
        default_handler.set_content_type default_handler.match default_handler.status
        IF_MODIFIED_SINCE USER_AGENT CONTENT_TYPE get_extension get_header get_header_match unquote
        """,
        different={
            "default_handler.handle_request": "decodes a path once, not twice; Location has no "
            "host; 405 and 501 in place of 400",
        },
    ),
    "medusa.filesys": OldModule(
        "servers.medusa.filesys",
        works="""
        abstract_filesystem os_filesystem unix_filesystem schizophrenic_unix_filesystem
        msdos_filesystem os_filesystem.listdir os_filesystem.open os_filesystem.stat
        os_filesystem.isdir os_filesystem.isfile os_filesystem.cdup os_filesystem.unlink
        os_filesystem.mkdir os_filesystem.rmdir os_filesystem.normalize os_filesystem.translate
        os_filesystem.current_directory os_filesystem.longify unix_longify msdos_longify msdos_date
        ls_date safe_stat list_producer
        """,
        different={
            "os_filesystem.cwd": "does not change the directory of the process",
        },
        missing={
            "merged_filesystem": "it was an empty class; write the filesystem you need",
        },
    ),
    "medusa.producers": OldModule(
        "servers.medusa.producers",
        works="""
        simple_producer scanning_producer lines_producer file_producer output_producer
        composite_producer globbing_producer hooked_producer chunked_producer compressed_producer
        """,
        different={
            "buffer_list_producer": "an empty string in the list no longer ends it early",
            "escaping_producer": "keeps a tail that the original lost",
        },
    ),
    "medusa.logger": OldModule(
        "servers.medusa.logger",
        works="""
        file_logger rotating_file_logger syslog_logger multi_logger tail_logger resolving_logger
        unresolving_logger strip_eol
        """,
        different={
            "socket_logger": "works; the original's could not be made",
        },
    ),
    "medusa.m_syslog": OldModule(
        "servers.medusa.m_syslog",
        works="""
        syslog_client facility_names priority_names LOG_EMERG LOG_ALERT LOG_CRIT LOG_ERR
        LOG_WARNING LOG_NOTICE LOG_INFO LOG_DEBUG LOG_KERN LOG_USER LOG_MAIL LOG_DAEMON LOG_AUTH
        LOG_SYSLOG LOG_LPR LOG_NEWS LOG_UUCP LOG_CRON LOG_AUTHPRIV LOG_LOCAL0 LOG_LOCAL1 LOG_LOCAL2
        LOG_LOCAL3 LOG_LOCAL4 LOG_LOCAL5 LOG_LOCAL6 LOG_LOCAL7
        """,
    ),
    "medusa.counter": OldModule(
        "servers.medusa.counter",
        works="counter counter.increment counter.decrement counter.as_long",
    ),
    "medusa.http_date": OldModule(
        "servers.medusa.http_date", works="build_http_date parse_http_date monthname weekdayname"
    ),
    "medusa.status_handler": OldModule(
        "servers.medusa.status_handler",
        works="""
        status_extension.register_hyper_object logger_for_status lines_producer
        channel_list_producer html_repr html_reprs english_bytes english_time progressive_divide
        split_by_units START_TIME
        """,
        different={"status_extension": "no emergency_debug; the picture is our own"},
    ),
    "medusa.auth_handler": OldModule(
        "servers.medusa.auth_handler",
        works="""
        auth_handler auth_handler.authorizer auth_handler.pass_count auth_handler.fail_count
        dictionary_authorizer
        """,
        different={
            "auth_handler.handle_unauthorized": "the connection is kept, and works afterwards",
        },
        missing={
            "auth_handler.make_nonce": "nothing used it; Basic only",
            "auth_handler.apply_hash": "nothing used it; Basic only",
        },
    ),
    "medusa.put_handler": OldModule(
        "servers.medusa.put_handler",
        works="put_handler CONTENT_LENGTH",
        different={"put_handler.handle_request": "the target is replaced when all has come"},
    ),
    "medusa.redirecting_handler": OldModule(
        "servers.medusa.redirecting_handler", works="redirecting_handler"
    ),
    "medusa.virtual_handler": OldModule(
        "servers.medusa.virtual_handler",
        different={
            "virtual_handler": "the Host field decides, not the client's address",
            "virtual_handler_with_host": "compares the host without regard to case",
        },
    ),
    "medusa.unix_user_handler": OldModule(
        "servers.medusa.unix_user_handler", works="unix_user_handler user_dir"
    ),
    "medusa.script_handler": OldModule(
        "servers.medusa.script_handler",
        works="""
        script_handler script_handler.extension script_handler.script_regex
        persistent_script_handler persistent_script_handler.add_module
        persistent_script_handler.del_module collector
        """,
        missing={
            "script_handler.restricted": "rexec never kept anybody in; run scripts as another user"
        },
    ),
    "medusa.xmlrpc_handler": OldModule(
        "servers.medusa.xmlrpc_handler",
        works="xmlrpc_handler.match xmlrpc_handler.call collector",
        different={
            "xmlrpc_handler": "needs defusedxml; broken XML is answered with 400",
            "xmlrpc_handler.continue_request": "its data is bytes; text for supervisor's handlers",
        },
    ),
    "medusa.rpc_server": OldModule(
        "servers.medusa.rpc_server",
        works="rpc_channel fastrpc_channel",
        different={"rpc_server": MARSHAL, "fastrpc_server": MARSHAL},
    ),
    "medusa.rpc_client": OldModule(
        "servers.medusa.rpc_client",
        works="""
        rpc_connect fastrpc_connect rpc_proxy fastrpc_proxy rpc_connection RPC_Error
        async_fastrpc_client
        """,
    ),
    "medusa.resolver": OldModule(
        "servers.medusa.resolver",
        works="""
        resolver resolver.resolve resolver.resolve_ptr hooked_callback fast_address_request
        fast_ptr_request unpack_name skip_name unpack_ttl unpack_address_reply unpack_ptr_reply
        """,
        different={
            "caching_resolver": "the cache is bounded, and entries expire",
            "caching_resolver.cache": "a copy: (when it ends, seconds left, answer) by name",
        },
        missing={"rbl": "its host is long gone; ask the list of your choice with resolve()"},
    ),
    "medusa.chat_server": OldModule(
        "servers.medusa.chat_server",
        works="chat_server chat_server.push_line chat_channel chat_server.channels chat_server.spy",
    ),
    "medusa.monitor": OldModule(
        "servers.medusa.monitor",
        works="""
        monitor_server monitor_channel secure_monitor_channel secure_encrypted_monitor_channel
        monitor_channel.local_env monitor_channel.prompt monitor_channel.multi_line output_producer
        """,
        different={
            "hex_digest": DIGEST,
            "secure_monitor_server": "an empty hostname is 127.0.0.1; for others, name the address",
            "monitor_channel.clean_line": "gets bytes, and gives text",
        },
    ),
    "medusa.monitor_client": OldModule(
        "servers.medusa.monitor_client",
        works="monitor_client stdin_channel encrypted_monitor_client",
        different={"hex_digest": DIGEST},
    ),
    "medusa.monitor_client_win32": OldModule(
        "servers.medusa.monitor_client_win32",
        works="reader writer",
        different={"hex_digest": DIGEST},
    ),
    "medusa.ftp_server": OldModule(
        "servers.medusa.ftp_server",
        works="""
        ftp_server ftp_server.ftp_channel_class ftp_server.SERVER_IDENT ftp_server.status
        ftp_server.total_sessions ftp_server.closed_sessions ftp_server.total_files_out
        ftp_server.total_files_in ftp_server.total_bytes_out ftp_server.total_bytes_in
        ftp_server.total_exceptions ftp_channel ftp_channel.read_only ftp_channel.write_commands
        ftp_channel.restart_position ftp_channel.filesystem ftp_channel.authorized
        ftp_channel.client_addr ftp_channel.current_mode ftp_channel.type_map
        ftp_channel.respond ftp_channel.log ftp_channel.client_dc ftp_channel.passive_acceptor
        ftp_channel.command_not_understood ftp_channel.command_not_authorized
        ftp_channel.check_command_authorization ftp_channel.make_xmit_channel
        ftp_channel.make_recv_channel ftp_channel.new_passive_acceptor ftp_channel.get_dir_list
        passive_acceptor dummy_authorizer anon_authorizer
        unix_authorizer unix_authorizer_with_anonymous asyncore
        """,
        different={
            "ftp_channel.cmd_port": "refuses addresses that are not the client's own",
            "ftp_channel.type_mode_map": "files are opened for bytes in every mode",
            "ftp_channel.bind_local_minus_one": "has no effect; connections come from any port",
            "xmit_channel": "sends when close_when_done() has been called",
            "recv_channel": "stands for the file; its end is the data connection's",
        },
    ),
    "medusa.event_loop": OldModule(
        "servers.medusa.event_loop",
        works="event_loop event_loop.go event_loop.schedule event_loop.num_channels "
        "event_loop.max_channels",
    ),
    "medusa.medusa_gif": OldModule(
        "servers.medusa.medusa_gif", works="width height", different={"data": GIF}
    ),
    "medusa.fifo": OldModule("servers.medusa.fifo", works="fifo"),
    "medusa.util": OldModule(
        "servers.medusa.util",
        works="html_repr progressive_divide split_by_units english_bytes english_time",
    ),
    "medusa.select_trigger": OldModule(
        "servers.medusa.select_trigger",
        works="trigger trigger.pull_trigger trigger_file trigger_file.trigger_close",
    ),
    "medusa.thread.select_trigger": OldModule(
        "servers.medusa.thread.select_trigger",
        works="trigger trigger.pull_trigger trigger_file trigger_file.trigger_close",
    ),
    "medusa.thread.thread_handler": OldModule(
        "servers.medusa.thread.thread_handler",
        works="""
        request_queue request_queue.put request_queue.get script_handler script_handler.add_module
        thread_output_file collector request_loop_thread
        """,
        different={
            "header_scanning_file": "the request sends what is written: framed, logged, kept alive",
        },
    ),
    "medusa.thread.thread_channel": OldModule(
        "servers.medusa.thread.thread_channel",
        works="thread_channel.handle_close",
        different={"thread_channel": "function(file, *args) is given a file that takes bytes"},
    ),
    "medusa.thread.pi_module": OldModule("servers.medusa.thread.pi_module", works="main"),
    "medusa.thread.test_module": OldModule("servers.medusa.thread.test_module", works="main"),
    "medusa.max_sockets": OldModule(
        "servers.medusa.max_sockets",
        works="max_server_sockets max_client_sockets max_select_sockets",
    ),
    # --- asyncore and asynchat -------------------------------------------------------------------
    "asyncore": OldModule(
        "asyncore",
        works="""
        dispatcher dispatcher_with_send file_dispatcher file_wrapper ExitNow socket_map poll poll2
        close_all compact_traceback read write readwrite
        dispatcher.accept dispatcher.add_channel dispatcher.bind dispatcher.close
        dispatcher.connect dispatcher.create_socket dispatcher.del_channel
        dispatcher.handle_accept dispatcher.handle_close dispatcher.handle_connect
        dispatcher.handle_error dispatcher.handle_expt dispatcher.handle_read
        dispatcher.handle_read_event dispatcher.handle_write dispatcher.handle_write_event
        dispatcher.listen dispatcher.log dispatcher.log_info dispatcher.readable
        dispatcher.set_reuse_addr dispatcher.set_socket dispatcher.writable
        """,
        different={
            "loop": "lifetime.loop() serves the same map, and stops in phases",
            "dispatcher.send": "takes bytes",
            "dispatcher.recv": "gives bytes",
        },
        missing={
            "poll3": "use poll",
            "dispatcher.connected_socket": "use connected",
        },
    ),
    "asynchat": OldModule(
        "asynchat",
        works="""
        async_chat simple_producer find_prefix_at_end async_chat.ac_in_buffer_size
        async_chat.ac_out_buffer_size async_chat.close_when_done async_chat.discard_buffers
        async_chat.found_terminator async_chat.get_terminator async_chat.initiate_send
        async_chat.push_with_producer async_chat.producer_fifo
        """,
        different={
            "async_chat.collect_incoming_data": TEXT,
            "async_chat.push": "takes bytes; text raises TypeError, except on our own channels",
            "async_chat.set_terminator": "text is taken as latin-1; what is collected is bytes",
            "async_chat.ac_in_buffer": "bytes",
        },
        missing={
            "fifo": "use collections.deque, or servers.medusa.fifo",
            "async_chat.refill_buffer": "called on servers.medusa's channels only; elsewhere "
            "override initiate_send",
            "async_chat.ac_out_buffer": "on servers.medusa's channels only; elsewhere read "
            "producer_fifo",
        },
    ),
    "medusa.asyncore_25": OldModule(
        "servers.medusa.asyncore_25",
        works="""
        dispatcher dispatcher_with_send file_dispatcher ExitNow socket_map loop poll poll2
        close_all compact_traceback
        """,
    ),
    "medusa.asynchat_25": OldModule(
        "servers.medusa.asynchat_25",
        works="async_chat simple_producer fifo find_prefix_at_end",
    ),
    "medusa.text_socket": OldModule(
        "",
        missing={"text_socket": "sockets carry bytes; encode what you send, decode what you get"},
    ),
    # --- ZServer 4.0.2 ---------------------------------------------------------------------------
    "ZServer": OldModule(
        "servers.zserver",
        works="""
        exit_code setNumberOfThreads requestCloseOnExec logger zhttp_handler zhttp_server FTPServer
        FCGIServer resolver secure_monitor_server
        """,
        different={
            "CONNECTION_LIMIT": "connections of one server, read when it is made",
            "LARGE_FILE_THRESHOLD": "read when a server is made",
        },
        missing={
            "PCGIServer": PCGI,
        },
    ),
    "ZServer.HTTPServer": OldModule(
        "servers.zserver.HTTPServer",
        works="""
        zhttp_server zhttp_server.SERVER_IDENT zhttp_server.channel_class
        zhttp_server.server_protocol zhttp_server.readable zhttp_server.listen
        zhttp_server.clean_shutdown_control zwebdav_server zhttp_handler zhttp_handler.match
        zhttp_handler.handle_request zhttp_handler.continue_request zhttp_handler.get_environment
        zhttp_handler.status zhttp_handler.set_webdav_source_clients zhttp_collector
        zhttp_channel zhttp_channel.work zhttp_channel.push zhttp_channel.close
        zhttp_channel.working zhttp_channel.closed zhttp_channel.no_more_requests
        CONTENT_LENGTH CONNECTION
        """,
        different={
            "zhttp_channel.queue": "mostly empty: a request is read when the one before is done",
            "zhttp_channel.zombie_timeout": "seconds without activity, not since the connection",
            "zwsgi_handler": "publishes a WSGI application; the connection is kept",
        },
        missing={
            "zhttp_channel.done": "nothing needs to call it: the end of the answer is noticed",
            "zhttp_channel.max_header_len": "set the limit head; a longer one is answered with 431",
        },
    ),
    "ZServer.HTTPResponse": OldModule(
        "servers.zserver.HTTPResponse",
        works="ChannelPipe ChannelPipe.write ChannelPipe.close ChannelPipe.finish "
        "ChannelPipe.start_response make_response",
        different={"ZServerHTTPResponse": "an empty body is 200, not 204; no retry"},
    ),
    "ZServer.Producers": OldModule(
        "servers.zserver.Producers",
        works="LoggingProducer CallbackProducer file_part_producer file_close_producer "
        "iterator_producer",
        different={"ShutdownProducer": "asks for a shutdown, and closes nothing by itself"},
    ),
    "ZServer.PubCore": OldModule(
        "servers.zserver.PubCore",
        different={
            "handle": "a full queue is answered with 503",
            "setNumberOfThreads": "may be called at any time",
        },
    ),
    "ZServer.PubCore.ZRendezvous": OldModule(
        "servers.zserver.PubCore.ZRendezvous",
        works="ZRendevous ZRendevous.accept ZRendevous.handle",
    ),
    "ZServer.PubCore.ZServerPublisher": OldModule(
        "servers.zserver.PubCore.ZServerPublisher",
        works="publish",
        different={"ZServerPublisher": "ends with its pool"},
    ),
    "ZServer.Wakeup": OldModule("servers.zserver.Wakeup", works="Wakeup"),
    "ZServer.PubCore.ZEvent": OldModule("servers.zserver.PubCore.ZEvent", works="Wakeup"),
    "ZServer.ICPServer": OldModule(
        "servers.zserver.ICPServer",
        works="""
        BaseICPServer BaseICPServer.REQUESTS_PER_LOOP BaseICPServer.check_whence
        BaseICPServer.check_url ICPServer.hooks ICP_OP_QUERY ICP_OP_HIT ICP_OP_MISS ICP_OP_ERR
        ICP_OP_MISS_NOFETCH ICP_OP_DENIED
        """,
        different={
            "ICPServer": "an answer carries its URL; a query without its zero byte is an error"
        },
    ),
    "ZServer.FTPServer": OldModule(
        "servers.zserver.FTPServer",
        works="FTPServer FTPServer.limiter FTPLimiter zope_ftp_channel",
    ),
    "ZServer.FTPRequest": OldModule(
        "servers.zserver.FTPRequest",
        different={"FTPRequest": "is made of path, command, channel and response; stdin for STOR"},
    ),
    "ZServer.FTPResponse": OldModule(
        "servers.zserver.FTPResponse", works="FTPResponse CallbackPipe make_response"
    ),
    "ZServer.FCGIServer": OldModule(
        "servers.zserver.FCGIServer",
        works="FCGIPipe FCGIResponse",
        different={
            "FCGIServer": "a Unix socket has the permissions of the umask, not 0777",
            "FCGIChannel": "what is asked is in the request: request.environ, request.collector",
            "FCGIRecord": "contents and values are bytes",
        },
    ),
    "ZServer.PCGIServer": OldModule(
        "",
        missing={
            "PCGIServer": PCGI,
            "PCGIChannel": PCGI,
            "PCGIPipe": PCGI,
            "PCGIResponse": PCGI,
            "ParseError": PCGI,
        },
    ),
    "ZServer.ClockServer": OldModule(
        "servers.zserver.ClockServer",
        works="LogHelper timeslice DummyChannel",
        different={
            "ClockServer": "fires when its period is over, also while the server is idle",
        },
    ),
    "ZServer.WebDAVSrcHandler": OldModule(
        "servers.zserver.WebDAVSrcHandler", works="WebDAVSrcHandler"
    ),
    "ZServer.AccessLogger": OldModule(
        "servers.zserver.AccessLogger", works="access_logger AccessLogger"
    ),
    "ZServer.DebugLogger": OldModule(
        "servers.zserver.DebugLogger", works="debug_logger DebugLogger log"
    ),
    "ZServer.BaseLogger": OldModule("servers.zserver.BaseLogger", works="BaseLogger"),
    "ZServer.utils": OldModule(
        "servers.zserver.utils",
        works="requestCloseOnExec patchAsyncoreLogger patchSyslogServiceName",
        different={"getZopeVersion": "the version of this project"},
    ),
    "ZServer.datatypes": OldModule(
        "servers.zserver.datatypes",
        works="""
        ServerFactory HTTPServerFactory WebDAVSourceServerFactory FTPServerFactory
        FCGIServerFactory MonitorServerFactory ICPServerFactory ClockServerFactory
        ServerFactory.prepare ServerFactory.create ServerFactory.servertype
        """,
        missing={"PCGIServerFactory": PCGI},
    ),
    # --- the loop --------------------------------------------------------------------------------
    "Lifetime": OldModule(
        "servers.zserver.Lifetime",
        works="""
        shutdown loop lifetime_loop graceful_shutdown_loop shutdownHandler shutdownFastHandler
        restartHandler
        """,
        different={
            "_shutdown_phase": "read only",
            "_shutdown_timeout": "30 seconds for each phase; set it with lifetime's patience",
        },
        missing={
            "showStacks": "faulthandler.register(signal.SIGUSR1) prints every thread's stack",
        },
    ),
    "Signals": OldModule("servers.zserver.Signals", works="SignalHandler registerZopeSignals"),
    "Signals.SignalHandler": OldModule(
        "servers.zserver.Signals",
        works="SignalHandler",
        missing={"get_signal_name": "signal.Signals(number).name"},
    ),
    "Signals.Signals": OldModule(
        "servers.zserver.Signals",
        works="registerZopeSignals LogfileReopenHandler",
        missing={"LogfileRotateHandler": "use LogfileReopenHandler, as elsewhere than on Windows"},
    ),
    "Signals.threads": OldModule(
        "",
        missing={"dump_threads": "faulthandler.dump_traceback() prints every thread's stack"},
    ),
}

#: Other ways to the same modules; the longest beginning that fits counts.
PREFIXES = {
    "supervisor.medusa": "medusa",
    "ZServer.medusa": "medusa",
    # medusa brought both with it, and Zope's start script took one from ZServer.
    "medusa.asyncore": "medusa.asyncore_25",
    "medusa.asynchat": "medusa.asynchat_25",
    "ZServer.medusa.asyncore": "medusa.asyncore_25",
    "ZServer.medusa.asynchat": "medusa.asynchat_25",
    "ZServer.asyncore": "medusa.asyncore_25",
    "ZServer.medusa.thread.select_trigger": "medusa.thread.select_trigger",
    "medusa.test.max_sockets": "medusa.max_sockets",
    "max_sockets": "medusa.max_sockets",
}

#: Packages whose modules these are; `from medusa import http_server` names a module of one.
PACKAGES = frozenset({"medusa", "medusa.thread", "ZServer", "ZServer.PubCore", "Signals"})

#: What medusa 0.5 was written for: `import http_server`, with its folder on the path.
FLAT = frozenset(
    name.removeprefix("medusa.")
    for name in MODULES
    if name.startswith("medusa.") and name.count(".") == 1
) - {"counter", "logger", "util", "fifo", "monitor", "resolver", "producers"}

#: Names too common to be medusa's by themselves; they are when another of `FLAT` is there too.
FLAT_IN_COMPANY = frozenset(
    {"counter", "logger", "util", "fifo", "monitor", "resolver", "producers", "select_trigger"}
)


def canonical(module: str) -> str:
    """The name under which `module` stands in `MODULES`; itself if it does not."""
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        if module == prefix or module.startswith(prefix + "."):
            return PREFIXES[prefix] + module[len(prefix) :]
    return module


def names_of(module: str) -> Iterator[OldName]:
    """Every name of an old module; none if we do not know it."""
    known = MODULES.get(module)
    if known is None:
        return
    for name in known.works.split():
        yield OldName(module, name, State.WORKS)
    for name, note in known.different.items():
        yield OldName(module, name, State.DIFFERENT, note)
    for name, note in known.missing.items():
        yield OldName(module, name, State.MISSING, note)


def all_names() -> Iterator[OldName]:
    """Every old name, module by module."""
    for module in MODULES:
        yield from names_of(module)
