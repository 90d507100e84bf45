/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of the program, each with its reason. Sizes in bytes, times in
 * milliseconds unless the name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define KIB 1024u
#define MIB (1024u * KIB)

/* Messages between our processes: one fact with its largest blob fits. */
#define LIMIT_MESSAGE_BYTES (9 * MIB)
/* More descriptors in one message than any of ours sends. */
#define LIMIT_MESSAGE_FDS 8
/* Sent messages collect up to this much before they are written. */
#define LIMIT_MESSAGE_BATCH_BYTES (64 * KIB)

/* Content of one file or payload kept in a run file; larger: hash only. */
#define LIMIT_BLOB_BYTES (8 * MIB)
/* All content kept in one run file: a run stays a file that people mail. */
#define LIMIT_RUN_BLOBS_BYTES (256 * MIB)
/* Rows in one table of a run file: a flood must not fill the disk. */
#define LIMIT_RUN_ROWS 2000000

/* Linux PATH_MAX is 4096; what a descriptor resolves to can be longer. */
#define LIMIT_PATH_BYTES (8 * KIB)
/* One argument list or environment as recorded; the kernel allows 2 MiB. */
#define LIMIT_ARGV_BYTES (128 * KIB)
#define LIMIT_ENV_BYTES  (64 * KIB)
/* A short text: name, host, method, reason. */
#define LIMIT_TEXT_BYTES (4 * KIB)
/* A URL, a header block, a command line shown to people. */
#define LIMIT_URL_BYTES (32 * KIB)

/* npm's own limit is 214; other registries stay below 256. */
#define LIMIT_PACKAGE_NAME_BYTES 512
#define LIMIT_VERSION_BYTES      256
#define LIMIT_PURL_BYTES         (4 * KIB)

/* A registry's document about one package: the largest known are 60 MB. */
#define LIMIT_PACKUMENT_BYTES (256u * MIB)
/* Archives: DESIGN §12. The largest npm archives are around 300 MB. */
#define LIMIT_ARCHIVE_BYTES       (512ll * MIB)
#define LIMIT_ARCHIVE_TOTAL_BYTES (2048ll * MIB)
#define LIMIT_ARCHIVE_ENTRY_BYTES (512ll * MIB)
#define LIMIT_ARCHIVE_ENTRIES     100000
#define LIMIT_ARCHIVE_RATIO       200 /* past 1 MiB of output */
#define LIMIT_ARCHIVE_PATH_BYTES  1024
#define LIMIT_ARCHIVE_DEPTH       64
/* A manifest (package.json) that is read as such. */
#define LIMIT_MANIFEST_BYTES (8 * MIB)
/* Configuration files of ours and of package managers. */
#define LIMIT_CONFIG_BYTES (1 * MIB)
/* JSON nesting: no document we read needs more than a dozen. */
#define LIMIT_JSON_DEPTH 64

/* The list of popular packages: millions of lines. */
#define LIMIT_POPULAR_BYTES (256 * MIB)
/* Pages of one list in one run: 200000 advisories, all about malware several
 * times over. The next run goes on behind them; a server that never ends does
 * not hold one for ever. */
#define LIMIT_PAGES 2000
/* Seconds that one run waits in all because a server asks for it; then it is
 * for the next run. */
#define LIMIT_PAGES_WAIT_S 300
/* Seconds before the newest that was seen, read again: what was changed in
 * that time may appear later. */
#define LIMIT_PAGES_OVERLAP_S 3600
/* Documents that may vanish from a source at once, however few it has: people
 * delete some by hand, a broken copy loses most. */
#define LIMIT_DELETED_ALWAYS 5
/* A feed that comes as one file: the largest public ones have 500 MB. */
#define LIMIT_BUNDLE_BYTES (1024ll * MIB)
/* One document of it, as of a file of its own; a list is parsed whole. */
#define LIMIT_BUNDLE_MEMBER_BYTES (17 * MIB)
#define LIMIT_BUNDLE_LIST_BYTES   (128 * MIB)
/* All databases together have two million reports, of 2 KB each. */
#define LIMIT_BUNDLE_MEMBERS     4000000u
#define LIMIT_BUNDLE_TOTAL_BYTES (8192ull * MIB)

/* Memory that one parse may take; a role dies rather than the machine. */
#define LIMIT_ARENA_BYTES (1024u * MIB)

/* Work of one statement on a run file, in steps of SQLite's machine: a few
 * seconds, where honest rules need milliseconds. Steps, not time: the same
 * facts give the same verdict on any machine. */
#define LIMIT_QUERY_STEPS 100000000ll
/* Memory of SQLite while it reads a stranger's run file. */
#define LIMIT_QUERY_MEMORY_BYTES (768ll * MIB)
/* Names of addresses in one exported document: the sink had to answer a
 * question for each. */
#define LIMIT_EXPORT_NAMES 1000000
/* A rule: the longest of ours has 6 KiB. */
#define LIMIT_RULE_BYTES (256 * KIB)
#define LIMIT_RULES      500
/* Findings of one rule, and evidence rows of one finding: a report that
 * nobody can read explains nothing. What is left out is counted, and is never
 * stronger than what is kept. */
#define LIMIT_RULE_FINDINGS 50
#define LIMIT_EVIDENCE      20
/* Bytes in which planted secrets are looked for in one run, decoded forms
 * included: about a minute. */
#define LIMIT_CANARY_BYTES (4096ll * MIB)
/* What one compressed body may become while it is searched. */
#define LIMIT_CANARY_INFLATED_BYTES (32 * MIB)
/* Hits of one canary that are kept, for each kind of place: one is proof,
 * these show the ways. */
#define LIMIT_CANARY_HITS 100
/* Processes of one sandbox, over its whole life; the table is in memory. */
#define LIMIT_RECORD_PROCESSES 1000000
/* Clients of role loader: each has a ring of 32 MiB in the kernel, so that all
 * of them take 2 GiB; and of one user who is not root, a quarter of the cores
 * of a large machine. */
#define LIMIT_LOADER_CLIENTS      64
#define LIMIT_LOADER_USER_CLIENTS 8
/* What one client may have sent that is not read yet: its messages have 100
 * bytes, but one read asks for 64 KiB. */
#define LIMIT_LOADER_IN_BYTES (128 * KIB)
/* From connecting to saying what one wants. */
#define LIMIT_LOADER_HELLO_MS (5 * 1000)
/* From hearing that the programs are there to asking: a sandbox is made in
 * between. Who takes longer loads his own. */
#define LIMIT_LOADER_ASK_MS (30 * 1000)
/* Told to end, role loader waits so long for those it serves: most analyses
 * have ended by then. share/systemd's unit allows a minute more. */
#define LIMIT_LOADER_DRAIN_MS (10 * 60 * 1000)
/* What a client waits for an answer, then it loads its own: half a second while
 * programs are loaded, and more than 3 s where every instruction is
 * interpreted. */
#define LIMIT_LOADER_ANSWER_MS (10 * 1000)
/* Control groups within control groups; the kernel's own limit is higher, and
 * nobody has ten. */
#define LIMIT_LOADER_DEPTH 64
/* Names that fanotify tells of in one phase, and folders known by their
 * handles: a large install has a tenth of it. */
#define LIMIT_SEEN_FILES   500000
#define LIMIT_SEEN_FOLDERS 50000
/* A path list and files of an upper layer: what a walk may meet. */
#define LIMIT_UPPER_FILES 1000000
#define LIMIT_UPPER_DEPTH 256
/* A file whose content is hashed; larger ones are told by size alone. */
#define LIMIT_HASH_BYTES (1024ll * MIB)
/* npm's lockfile of a project with 10000 dependencies has 5 MB. */
#define LIMIT_LOCKFILE_BYTES (64 * MIB)
/* Values of one lockfile: 20000 npm packages have 250000. */
#define LIMIT_TREE_NODES 4000000
/* Packages of one lockfile: the largest monorepos have some 50000. */
#define LIMIT_LOCK_PACKAGES 1000000
/* Values that a YAML file may stand for once its aliases are followed. */
#define LIMIT_YAML_EXPANDED 4000000
/* Bytes of places looked up to find who asks for whom in one lockfile; 20000
 * npm packages take 5 MiB. Past it nothing more is said of that. */
#define LIMIT_LOCK_RELATE_BYTES (1024 * (size_t)MIB)
/* Files that files of one scan include (requirements.txt). */
#define LIMIT_LOCK_INCLUDES 1000
/* Wrong lines named in one lockfile: past it the file is another thing. */
#define LIMIT_LOCK_ERRORS 1000
/* Folders within folders that a scan descends, its entries, and the bytes of
 * all lockfiles read in one scan: these stay in memory. */
#define LIMIT_SCAN_DEPTH   100
#define LIMIT_SCAN_ENTRIES 10000000
#define LIMIT_SCAN_BYTES   (512 * MIB)
/* All bytes hashed in one walk: sparse files cost nothing to make. */
#define LIMIT_UPPER_HASH_BYTES (8192ll * MIB)

/* Output of one phase that is kept, half of it from the end, and that is read
 * at all: past it the phase has reached a limit. */
#define LIMIT_OUTPUT_KEPT_BYTES (256 * KIB)
#define LIMIT_OUTPUT_BYTES      (64ll * MIB)

/* A host capability is tried in milliseconds; one that hangs is absent. */
#define LIMIT_HOST_CHECK_MS (5 * 1000)

/* Wall time of the phases, until an option says otherwise. */
#define LIMIT_INSTALL_MS     (300 * 1000)
#define LIMIT_IMPORT_MS      (60 * 1000)
#define LIMIT_CHILD_WATCH_MS (60 * 1000)

/* The fake Internet. One sandbox's share of memory and of the run file: what
 * goes over is answered as before, counted, and no longer kept. */
/* Open connections; more are closed at once, each with its row. */
#define LIMIT_SINK_STREAMS 1024
/* UDP conversations remembered at once; the oldest makes room. */
#define LIMIT_SINK_FLOWS 4096
/* Datagrams waiting to be read: 10000 questions at once. */
#define LIMIT_SINK_DATAGRAMS_BYTES (8 * MIB)
/* Rows of all tables in one phase: a flood of 200k a second is cut. */
#define LIMIT_SINK_ROWS 200000
/* Payload waiting in memory, over all connections; then it is written. */
#define LIMIT_SINK_HELD_BYTES (64 * MIB)
/* Payload kept of one connection, and of one run (half of the run file). */
#define LIMIT_SINK_STREAM_BYTES (64 * MIB)
#define LIMIT_SINK_KEPT_BYTES   (128 * MIB)
/* Packet capture of one run: a large install is 300 MB of archives, which
 * the run has by hash already; conversations of interest are short. */
#define LIMIT_SINK_PCAP_BYTES (64 * MIB)
#define LIMIT_SINK_SNAP_BYTES (64 * KIB)
/* Waiting to be taken apart or to be sent, for each connection. */
#define LIMIT_SINK_BUFFER_BYTES (256 * KIB)
/* Request line and header lines: twice what common servers take. */
#define LIMIT_SINK_HEAD_BYTES (64 * KIB)
/* A decoy program given by the supervisor; ours are below 1 MiB. */
#define LIMIT_SINK_DECOY_BYTES (4 * MIB)
/* Names that get an address of their own: half of 198.18.0.0/15. */
#define LIMIT_SINK_NAMES 65536
/* Certificates remembered; more are made anew at each handshake. */
#define LIMIT_SINK_CERTIFICATES 4096
/* Requests of the relay under way; a client opens a few dozen at most. */
#define LIMIT_SINK_RELAYED 256
/* A client that is silent for so long is sent a shell command. */
#define LIMIT_SINK_SILENCE_MS 2000
/* A request head or a TLS handshake that takes longer is slowness on purpose.
 */
#define LIMIT_SINK_HEAD_MS (30 * 1000)
/* No byte either way; a reverse shell may well wait for minutes. */
#define LIMIT_SINK_IDLE_MS (180 * 1000)
/* A registry's answer; the fetch process has time-outs of its own. */
#define LIMIT_SINK_RELAY_MS (120 * 1000)
/* A UDP conversation without a packet is over. */
#define LIMIT_SINK_FLOW_MS (30 * 1000)

/* A sandbox, until an option says otherwise. Memory counts what lies in the
 * upper layer: native builds and 300 dependencies stay below half of it. */
#define LIMIT_SANDBOX_MEMORY_BYTES (4096ll * MIB)
#define LIMIT_SANDBOX_DISK_BYTES   (2048ll * MIB)
#define LIMIT_SANDBOX_DISK_INODES  400000
/* Threads count: node starts 11, make -j and node-gyp some dozens. */
#define LIMIT_SANDBOX_PIDS        512
#define LIMIT_SANDBOX_CPU_PERCENT 400
#define LIMIT_SANDBOX_OPEN_FILES  4096
#define LIMIT_SANDBOX_FILE_BYTES  (1024ll * MIB)
/* Of ours: an analysis has some fifty at a time, and is not to stop halfway. */
#define LIMIT_OWN_FILES_LEAST 64
#define LIMIT_OWN_FILES       1024
/* Watchers of files: one for each program that wants to know. The host counts
 * them for whom the sandbox belongs to, and has 128 for each user. A bare
 * number: it becomes text. */
#define LIMIT_SANDBOX_INOTIFY 16
/* What a command writes to standard output and error, each. */
#define LIMIT_SANDBOX_OUTPUT_BYTES (64ll * MIB)
/* Files put into a sandbox: canaries, drivers, an artifact. */
#define LIMIT_SANDBOX_PUT_BYTES (1024ll * MIB)
#define LIMIT_SANDBOX_LAYERS    8
/* Copies of layers kept for one range of ids, where they are needed at all:
 * some images with two layers each, and no disk filled with old ones. */
#define LIMIT_SHIFT_COPIES 12

/* lazaret serve, against clients of the Internet. */
/* Request line and header lines: four times what common proxies send. */
#define LIMIT_SERVE_HEAD_BYTES (32 * KIB)
/* A batch of 1000 queries has 100 KiB; with the longest names 2 MiB. */
#define LIMIT_SERVE_BODY_BYTES (4 * MIB)
/* What all connections of one worker hold, read and not yet written: more,
 * and who wants more is refused. */
#define LIMIT_SERVE_HELD_BYTES (512ll * MIB)
/* Answers waiting on one connection; then it is not read from. */
#define LIMIT_SERVE_OUT_BYTES (256 * KIB)
/* One answer: the soft limit of a page, one document over it, and its head. */
#define LIMIT_SERVE_PAGE_BYTES   (10 * MIB)
#define LIMIT_SERVE_ANSWER_BYTES (48 * MIB)
/* A queue of requests on one connection waits its turn after so many. */
#define LIMIT_SERVE_TURN 32
/* Workers: more cores than this have a proxy before them. */
#define LIMIT_SERVE_WORKERS 16
/* Connections of one worker, and of one client over all: a scanner opens up
 * to a thousand at once. Options set them lower or higher. */
#define LIMIT_SERVE_CONNECTIONS        8192
#define LIMIT_SERVE_CLIENT_CONNECTIONS 2048
/* A head (and a TLS handshake), and a body, that take longer are slow on
 * purpose; so is who takes nothing of an answer for that long. */
#define LIMIT_SERVE_HEAD_MS  (10 * 1000)
#define LIMIT_SERVE_BODY_MS  (30 * 1000)
#define LIMIT_SERVE_WRITE_MS (30 * 1000)
/* Between requests: longer than clients reuse connections (Go: 90 s). */
#define LIMIT_SERVE_IDLE_MS (120 * 1000)
/* After the last answer: time for the client to read it and to hang up. */
#define LIMIT_SERVE_LINGER_MS (2 * 1000)
/* A graceful stop waits so long for requests under way. */
#define LIMIT_SERVE_DRAIN_MS (10 * 1000)
/* Files that the supervisor is asked to open at once. */
#define LIMIT_SERVE_OPENING 64
/* Bytes of a file hashed between two looks at the network: half a ms. */
#define LIMIT_SERVE_HASH_BYTES (256 * KIB)
/* Lines of the access log that wait for the pipe; the rest is counted. */
#define LIMIT_SERVE_LOG_BYTES (256 * KIB)

#endif
