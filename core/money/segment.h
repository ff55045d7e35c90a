/* segment.h - the files of the journal: their names, and the frames that records stand in.
 *
 * A segment is a file NNNNNNNN-BOOT.journal: a line that names the format, then frames. A frame is the record's length
 * and a CRC-32C over that length and the record, both 4 bytes, the lowest first; then the record. The first record is an
 * OPEN. A segment is written by one run of the program and never again after it: what a crash left half written at its end
 * stays there and is passed over. */
#ifndef MONEY_SEGMENT_H
#define MONEY_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"

#define SEGMENT_HEAD "llm-gateway journal 1\n"
#define SEGMENT_FRAME 8u
#define SEGMENT_RECORD_MOST (64u << 20)

/* The bytes of a frame around `record`, appended. 0, or -1 where `out` has no room. */
int segment_frame(struct text record, struct buf *out);
/* "00000001-BOOT.journal", arena. */
const char *segment_name(struct arena *arena, uint64_t number, const char *boot);

struct segment_files {
    const char **names; /* in the order of their numbers; arena */
    size_t count;
    uint64_t last; /* the highest number; 0: none */
};

/* The number in the name of a segment; 0: it is the name of something else. */
uint64_t segment_number(const char *name);

/* The segments in the folder, in order. -1 with `fail` where it cannot be read. */
int segment_list(const char *folder, struct arena *arena, struct segment_files *files, struct fail *fail);

/* Reads the frames of one segment. One thread. */
struct segment_reader {
    int fd;
    struct buf held;
    uint64_t offset; /* in the file, of the frame that was read last */
    size_t lent;     /* its bytes */
    bool at_end;
    bool headless; /* its first line is not on the disk: what stands behind it may be */
    bool failed;   /* the disk could not be read */
};

enum segment_next {
    SEGMENT_RECORD, /* *record is lent until the next call */
    SEGMENT_END,    /* all was read */
    SEGMENT_TORN,   /* the last frame is not complete: a crash or a power loss, or it is being written */
    SEGMENT_CORRUPT, /* a frame is not what was written, and whole ones stand behind it; or the disk cannot be read (`failed`) */
};

/* 0; or -1 with `fail`: it cannot be opened, or is no segment of this format. */
int segment_open(struct segment_reader *r, const char *folder, const char *name, struct fail *fail);
enum segment_next segment_next(struct segment_reader *r, struct text *record);
/* Goes on behind what cannot be read, at the next whole frame. False: there is none. */
bool segment_seek(struct segment_reader *r, struct text *record);
void segment_close(struct segment_reader *r);

#endif
