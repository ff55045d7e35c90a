/* file.h - a whole file into memory, and back. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/text.h"

/* All of a file, appended: 0, or -1 with errno (EFBIG: more than fits, EISDIR: it is a folder). Any thread; it waits for the disk. */
int file_read(const char *path, struct buf *out);

/* Writes a file of this user alone (mode 0600), which is there whole or as it was: written beside itself, synced, renamed. 0, or -1 with
 * errno. Any thread; it waits for the disk. */
int file_replace(const char *path, struct text content);

#endif
