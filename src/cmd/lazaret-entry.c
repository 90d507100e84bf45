/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the dispatcher begins on x86-64: `lazaret X …` becomes
 * libexec/lazaret/X before there is a C library, whose start takes four times
 * as long as all of this, most of it for questions to the processor. Whatever
 * is not that plain goes to the ordinary beginning, and lazaret.c has the last
 * word. Nothing here may need the library, a relocation or thread-local data.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef LAZARET_ROLES
#error "the build says which names are roles: :role:role:"
#endif

#define NAME_MAX_LENGTH 32

void lazaret_short_way(char **stack);

static char path[PATH_MAX];

static long
call(long number, const void *a, const void *b, const void *c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* Of a subcommand; 0: of none. */
static size_t
name_length(const char *name)
{
	size_t n = 0;

	while ((name[n] >= 'a' && name[n] <= 'z') ||
	    (name[n] >= '0' && name[n] <= '9') || (name[n] == '-' && n != 0))
		if (++n > NAME_MAX_LENGTH)
			return 0;
	return name[n] == '\0' ? n : 0;
}

/* Is NAME one of ":name:name:"? */
static bool
is_listed(const char *list, const char *name, size_t n)
{
	size_t same = 0;

	for (; *list != '\0'; list++) {
		if (*list == ':' && same == n + 1)
			return true;
		if (*list == ':')
			same = 1;
		else
			same =
			    same != 0 && same <= n && *list == name[same - 1] ?
			    same + 1 :
			    0;
	}
	return false;
}

static size_t
append(size_t at, const char *text, size_t n)
{
	for (size_t i = 0; i < n && at + 1 < sizeof(path); i++)
		path[at++] = text[i];
	path[at] = '\0';
	return at;
}

/* Up to the last slash and with it; 0: there is none. */
static size_t
own_folder(void)
{
	long n = call(SYS_readlink, "/proc/self/exe", path,
	    (void *)(sizeof(path) / 2));

	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? (size_t)n : 0;
}

/* lazaret.c fills what is closed. */
static bool
has_standard_fds(void)
{
	for (long fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (call(SYS_fcntl, (void *)fd, (void *)F_GETFD, NULL) < 0)
			return false;
	return true;
}

/* Comes back when it has become nothing else. */
void
lazaret_short_way(char **stack)
{
	static const char beside[] = "libexec/lazaret/";
	static const char above[] = "../libexec/lazaret/";
	long argc = (long)stack[0];
	char **argv = stack + 1;
	size_t folder, n, end;

	n = argc >= 2 ? name_length(argv[1]) : 0;
	if (n == 0 || is_listed(LAZARET_ROLES ":help:", argv[1], n) ||
	    !has_standard_fds())
		return;
	folder = own_folder();
	if (folder == 0)
		return;
	end = append(folder, beside, sizeof(beside) - 1);
	if (call(SYS_access, path, (void *)X_OK, NULL) != 0)
		end = append(folder, above, sizeof(above) - 1);
	(void)append(end, argv[1], n);
	(void)call(SYS_execve, path, argv + 1, argv + argc + 1);
}

/* The registers and the stack are as _start wants them. */
__asm__(".globl lazaret_entry\n"
	"lazaret_entry:\n"
	"\tendbr64\n"
	"\tmov %rsp, %rbx\n"
	"\tmov %rdx, %r12\n"
	"\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n"
	"\tcall lazaret_short_way\n"
	"\tmov %rbx, %rsp\n"
	"\tmov %r12, %rdx\n"
	"\tjmp _start\n");
