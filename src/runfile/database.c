/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VFS of descriptors. Runs in scribe, judge, show and query. One file, no
 * locks (a run file has one writer, and readers come when it has committed),
 * no journal.
 */
#include "runfile/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "sys/clock.h"

struct file {
	sqlite3_file base; /* must be first */
	int fd; /* borrowed */
};

static int
fd_of(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->fd;
}

static int
file_close(sqlite3_file *f)
{
	(void)f;
	return SQLITE_OK;
}

static int
file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	ssize_t r;
	size_t got = 0, want = (size_t)n;

	while (got < want) {
		r = pread(fd_of(f), (char *)p + got, want - got,
		    at + (sqlite3_int64)got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return SQLITE_IOERR_READ;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	if (got == want)
		return SQLITE_OK;
	memset((char *)p + got, 0, want - got);
	return SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	ssize_t w;
	size_t put = 0, want = (size_t)n;

	while (put < want) {
		w = pwrite(fd_of(f), (const char *)p + put, want - put,
		    at + (sqlite3_int64)put);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return errno == ENOSPC ? SQLITE_FULL :
						 SQLITE_IOERR_WRITE;
		put += (size_t)w;
	}
	return SQLITE_OK;
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return ftruncate(fd_of(f), size) == 0 ? SQLITE_OK :
						SQLITE_IOERR_TRUNCATE;
}

static int
file_sync(sqlite3_file *f, int flags)
{
	(void)flags;
	return fsync(fd_of(f)) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	struct stat st;

	if (fstat(fd_of(f), &st) != 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int
file_lock(sqlite3_file *f, int level)
{
	(void)f;
	(void)level;
	return SQLITE_OK;
}

static int
file_reserved(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = 0;
	return SQLITE_OK;
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
file_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int
file_traits(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
};

/* The name is the number of the descriptor. */
static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *ret_flags)
{
	struct file *file = (struct file *)(void *)f;
	uint64_t fd;

	(void)vfs;
	file->base.pMethods = NULL;
	if (name == NULL || (flags & SQLITE_OPEN_MAIN_DB) == 0 ||
	    str_to_u64(str_of(name), &fd) != 0 || fd > INT32_MAX)
		return SQLITE_CANTOPEN;
	file->fd = (int)fd;
	file->base.pMethods = &methods;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	(void)vfs;
	(void)name;
	(void)sync_folder;
	return SQLITE_IOERR_DELETE_NOENT;
}

static int
vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*ret = 0;
	return SQLITE_OK;
}

static int
vfs_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	(void)vfs;
	(void)snprintf(ret, (size_t)size, "%s", name);
	return SQLITE_OK;
}

static int
vfs_random(sqlite3_vfs *vfs, int n, char *ret)
{
	(void)vfs;
	return getrandom(ret, (size_t)n, 0) == n ? n : 0;
}

static int
vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int
vfs_time(sqlite3_vfs *vfs, double *ret)
{
	(void)vfs;
	*ret = 2440587.5 + (double)clock_wall_ns() / 86400e9;
	return SQLITE_OK;
}

static sqlite3_vfs vfs = {
	.iVersion = 1,
	.szOsFile = sizeof(struct file),
	.mxPathname = 64,
	.zName = "descriptor",
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_path,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
};

static int
open_named(const char *name, const char *vfs_name, int flags, sqlite3 **ret,
    struct error *err)
{
	sqlite3 *db = NULL;
	int rc;

	rc = sqlite3_open_v2(name, &db, flags, vfs_name);
	if (rc != SQLITE_OK) {
		rc = error_set(err, -EIO, "SQLite: %s", sqlite3_errstr(rc));
		(void)sqlite3_close(db);
		return rc;
	}
	(void)sqlite3_extended_result_codes(db, 1);
	rc = database_run(db, "PRAGMA temp_store = MEMORY", err);
	if (rc != 0) {
		(void)sqlite3_close(db);
		return rc;
	}
	*ret = db;
	return 0;
}

void
database_alone(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int
database_open(int fd, bool writable, sqlite3 **ret, struct error *err)
{
	char name[16];

	assert(fd >= 0);
	/* Not the default: nothing else may open files through it. */
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
		return error_set(err, -ENOMEM, "SQLite: no VFS");
	(void)snprintf(name, sizeof(name), "%d", fd);
	return open_named(name, vfs.zName,
	    /* Who writes has one thread: no mutex for each column. */
	    writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX :
		       SQLITE_OPEN_READONLY,
	    ret, err);
}

int
database_memory(sqlite3 **ret, struct error *err)
{
	return open_named(":memory:", NULL,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ret, err);
}

void
database_close(sqlite3 *db)
{
	int rc = sqlite3_close(db);

	assert(rc == SQLITE_OK); /* no statement is left open */
}

void
database_closep(sqlite3 **db)
{
	database_close(*db);
	*db = NULL;
}

int
database_run(sqlite3 *db, const char *sql, struct error *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return error_set(err, -EIO, "run file: %s", sqlite3_errmsg(db));
	return 0;
}
