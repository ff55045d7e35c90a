/* journal_inside.h - the writer's state, for journal.c, journal_file.c and journal_sync.c alone. */
#ifndef MONEY_JOURNAL_INSIDE_H
#define MONEY_JOURNAL_INSIDE_H

#include <pthread.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "money/journal.h"

#define JOURNAL_MAGIC 0x6a726e6cu
enum { JOURNAL_UNSYNCED_MOST = 256 << 20 };

struct journal {
    uint32_t magic;
    struct journal_settings settings;
    char *folder;
    char boot[UUID_TEXT_LEN + 1];
    char book[65]; /* "": none */
    int folder_fd, lock_fd;
    int given_fd; /* the lock, from another process; -1: none, or it is lock_fd now */
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* the thread that syncs */
    pthread_t thread;
    bool has_thread, stopping;

    int fd;                    /* -1: no segment could be begun */
    uint64_t segment, next;    /* the file's number; the next record's */
    uint64_t unsynced;         /* the number of the first record in `frames`; all before are on the disk */
    uint64_t marked;           /* `unsynced` when a MARK was written last */
    off_t at, reserved;        /* where the next frame goes; bytes that the disk has promised */
    struct buf record, frames; /* being written; frames since the last sync, for another file where it fails */
    bool dirty, complained;
    bool appending; /* the owner does not know yet of the record before `next` */
    struct journal_state state;
};

/* All with the mutex held. Counts and words an error of the disk: "written", "synced". -1. */
int journal_write_error(struct journal *j, const char *what, int error, struct fail *fail);
/* All of it or nothing: what a short write left is cut off again. */
int journal_write_all(struct journal *j, struct text bytes, struct fail *fail);
/* Room on the disk for what may still come. File systems that cannot promise it do without. */
int journal_reserve(struct journal *j, size_t bytes, struct fail *fail);
/* Opens the folder, which is made where it is not there, and locks it for this process. */
int journal_take_folder(struct journal *j, struct fail *fail);
/* Was what it leads to removed? */
bool journal_is_gone(int fd);
/* Begins a file; first in it are the frames that may not be on the disk. The last file is not written to again; where no file can
 * be begun it stays as it was. */
int journal_begin_segment(struct journal *j, struct fail *fail);
void journal_leave_segment(struct journal *j);
int journal_sync_file(struct journal *j, struct fail *fail);
/* The thread, which takes the mutex. */
void *journal_sync_often(void *arg);

#endif
