/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dispatcher: `lazaret X …` becomes libexec/lazaret/X, in the same process.
 * Whatever executable lies there is a subcommand; the table below only says in
 * which order to present them, and with which words. Links libc alone, so that
 * start-up stays at a millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exit.h"

#if !defined(LAZARET_VERSION) || !defined(LAZARET_ROLES)
#error "the build says which version this is, and :role:role:"
#endif

struct command {
	const char *name;
	const char *summary;
};

struct option_row {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* clang-format off */
static const struct command commands[] = {
	{ "analyze", "run a package in the sandbox and say what it does" },
	{ "show",    "print the report of a recorded analysis again" },
	{ "query",   "ask a recorded analysis questions in SQL" },
	{ "diff",    "what an update changes in behaviour" },
	{ "rules",   "list, explain and test the rules" },
	{ "scan",    "look for known-bad packages in a project" },
	{ "guard",   "run a package manager, but let no known malware in" },
	{ "report",  "keep a database of malicious packages (OSV)" },
	{ "db",      "fetch and update the database of malicious packages" },
	{ "review",  "confirm or reject findings" },
	{ "serve",   "answer queries over HTTP" },
	{ "feed",    "watch registries for new packages" },
	{ "worker",  "analyse what the feeds have found" },
	{ "run",     "feed, worker and serve on one machine" },
	{ "sandbox", "run any command in the sandbox, print the plan" },
	{ "recorder", "load the recorder once, for all analyses" },
	{ "image",   "build and list the images of the sandbox" },
	{ "version", "order versions; is a version affected?" },
	{ "purl",    "take package URLs apart, put them together" },
	{ "gc",      "remove what is no longer needed" },
	{ "doctor",  "what this machine can and cannot do" },
};

static const char *const examples[] = {
	"lazaret analyze pkg:npm/is-number",
	"lazaret analyze npm/left-pad@1.3.0 --json",
	"lazaret show run.laz",
	"lazaret query run.laz \"SELECT op, path FROM file_event_v LIMIT 9\"",
	"lazaret sandbox run -- node -e 'fetch(\"http://host.invalid/\")'",
};
/* clang-format on */

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* The longest name of a subcommand that is looked for. */
#define NAME_MAX_LENGTH 32

static char libexec[PATH_MAX];

/* Beside the program in a build directory, in ../libexec when installed. */
static const char *const places[] = { "libexec/lazaret", "../libexec/lazaret" };

static int
find_libexec(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash == NULL)
		return -ENOENT;
	*slash = '\0';
	int seen = -ENOENT;
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		int len = snprintf(libexec, sizeof(libexec), "%s/%s", self,
		    places[i]);
		if (len < 0 || (size_t)len >= sizeof(libexec))
			return -ENAMETOOLONG;
		if (access(libexec, X_OK) == 0)
			return 0;
		if (errno == EACCES)
			seen = -EACCES;
	}
	return seen;
}

/* Roles are confined processes (ARCHITECTURE.md): in the same folder, but
 * started by subcommands alone. */
static bool
name_is_role(const char *name)
{
	char key[NAME_MAX_LENGTH + 3];

	(void)snprintf(key, sizeof(key), ":%s:", name);
	return strstr(LAZARET_ROLES, key) != NULL;
}

/* Lower-case words with hyphens: a name can never become another path. */
static bool
name_is_sane(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= NAME_MAX_LENGTH && name[n] == '\0' &&
	    name[0] != '-';
}

static int
command_path(const char *name, char path[static PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%s", libexec, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool
command_is_there(const char *name)
{
	char path[PATH_MAX];

	return !name_is_role(name) && command_path(name, path) == 0 &&
	    access(path, X_OK) == 0;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edit distance (insert, delete, replace). Both are at most NAME_MAX_LENGTH. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1];
	size_t na = strlen(a), nb = strlen(b);

	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t replace = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = min3(row[j] + 1, row[j - 1] + 1, replace);
		}
	}
	return row[nb];
}

static const char *
suggestion(const char *name)
{
	const char *best = NULL;
	size_t best_distance = 1 + strlen(name) / 3 + 1;

	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		size_t d = distance(name, commands[i].name);
		if (d < best_distance && command_is_there(commands[i].name)) {
			best = commands[i].name;
			best_distance = d;
		}
	}
	return best;
}

static int
unknown_command(const char *name)
{
	if (!name_is_sane(name)) {
		fputs("lazaret: a subcommand is made of lower-case letters; "
		      "see lazaret --help\n",
		    stderr);
		return EXIT_USAGE;
	}
	const char *other = suggestion(name);
	if (other != NULL)
		fprintf(stderr,
		    "lazaret: no subcommand '%s'; did you mean '%s'?\n", name,
		    other);
	else
		fprintf(stderr,
		    "lazaret: no subcommand '%s'; see lazaret --help\n", name);
	return EXIT_USAGE;
}

/* Returns only when it could not become the subcommand. */
static int
command_exec(const char *name, char **argv)
{
	char path[PATH_MAX];

	if (!name_is_sane(name) || !command_is_there(name))
		return unknown_command(name);
	if (command_path(name, path) < 0) {
		fputs("lazaret: installed too deep\n", stderr);
		return EXIT_TOOL_FAILED;
	}
	execv(path, argv);
	fprintf(stderr, "lazaret: cannot run %s: %s\n", path, strerror(errno));
	return EXIT_TOOL_FAILED;
}

static void
print_usage(FILE *out)
{
	fputs("usage: lazaret SUBCOMMAND [OPTION…] [ARGUMENT…]\n", out);
}

/* Output that a full disk ate is not success. */
static int
flush_stdout(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return EXIT_NOTHING_FOUND;
	fprintf(stderr, "lazaret: cannot write: %s\n", strerror(errno));
	return EXIT_TOOL_FAILED;
}

static int
run_help(int argc, char **argv)
{
	char help[] = "--help";

	if (argc > 2) { /* lazaret help X = lazaret X --help */
		char *args[] = { argv[2], help, NULL };
		return command_exec(argv[2], args);
	}
	print_usage(stdout);
	puts("\nRuns packages in a sandbox, records what they do, and says "
	     "whether that is\nmalicious and why.\n\nSubcommands:");
	for (size_t i = 0; i < N_ELEMENTS(commands); i++)
		if (command_is_there(commands[i].name))
			printf("  %-10s %s\n", commands[i].name,
			    commands[i].summary);
	puts("\nExamples:");
	for (size_t i = 0; i < N_ELEMENTS(examples); i++)
		printf("  %s\n", examples[i]);
	puts("\nlazaret help SUBCOMMAND says more; so does man lazaret.");
	return flush_stdout();
}

static int
run_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("lazaret " LAZARET_VERSION);
	return flush_stdout();
}

/* For shell completion: one name a line. */
static int
run_names(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < N_ELEMENTS(commands); i++)
		if (command_is_there(commands[i].name))
			printf("%s\t%s\n", commands[i].name,
			    commands[i].summary);
	return flush_stdout();
}

static const struct option_row options[] = {
	{ "help", run_help },
	{ "--help", run_help },
	{ "-h", run_help },
	{ "--version", run_version },
	{ "-V", run_version },
	{ "--list-commands", run_names },
};

/* A file must not come to lie where messages are written; writing them then
 * fails, as it should. */
static void
fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	int r;

	fill_standard_fds();
	r = find_libexec();
	if (r < 0) {
		fputs(r == -EACCES ?
			"lazaret: this user may not enter the folder where the "
			"program lies; install it where everybody may read\n" :
			"lazaret: libexec/lazaret is not beside the program; "
			"is /proc mounted, and the installation whole?\n",
		    stderr);
		return EXIT_TOOL_FAILED;
	}
	if (argc < 2) {
		print_usage(stderr);
		fputs("see lazaret --help\n", stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < N_ELEMENTS(options); i++)
		if (strcmp(argv[1], options[i].name) == 0)
			return options[i].run(argc, argv);
	return command_exec(argv[1], argv + 1);
}
