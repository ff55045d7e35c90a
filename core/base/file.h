/* file.h - a whole file into memory. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"

/* All of a file, appended: 0, or -1 with errno (EFBIG: more than fits, EISDIR: it is a folder). Any thread; it waits for the disk. */
int file_read(const char *path, struct buf *out);

#endif
