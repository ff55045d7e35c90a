/* trusted.h - opens a file that will run as our own code, if nobody else could have put it there. */
#ifndef PLUGIN_TRUSTED_H
#define PLUGIN_TRUSTED_H

#include <sys/stat.h>

#include "base/fail.h"

/* A descriptor of the regular file at `path`, given: close(). *st gets its status. The file must belong to
 * root or to the user of this process, and neither it nor its folder nor any folder above may be writable by others (a
 * folder with the sticky bit may: nobody can replace another's file there). The last part of the path may not be a
 * symbolic link. -1 with `fail` (FAIL_OPERATOR: what is wrong with which path, and the command that mends it). */
int trusted_open(const char *path, struct stat *st, struct fail *fail);

#endif
