/* rehearsal.h - tests of policies: files in Lua that run policies in their real sandbox, without a server. One thread. */
#ifndef REHEARSAL_REHEARSAL_H
#define REHEARSAL_REHEARSAL_H

#include "base/buf.h"
#include "config/config.h"
#include "face/face.h"

struct rehearsal_sum {
    unsigned passed, failed;
};

/* Runs the cases of the file and appends a line for each that fails, with `verbose` for all. A file that cannot be loaded or has no case
 * is a failure. `config` is kept until it returns; policies that it names have their blocks. */
void rehearsal_run(const struct config *config, const char *path, bool verbose, struct buf *out,
                   struct rehearsal_sum *sum);
/* The test of a policy's file, "x_test.lua" of "x.lua". Arena. */
const char *rehearsal_test_of(struct arena *arena, const char *policy);
/* Where the file of a policy of `config` is. Arena; NULL: it has none of its own, or its path is not known. */
const char *rehearsal_path(struct arena *arena, const struct config *config, const struct config_policy *policy);
/* The policy of `config` that is this file; NULL: none. */
const struct config_policy *rehearsal_known(struct arena *arena, const struct config *config, const char *path);
/* The policy of the file, with the block of another one or the defaults: decides, and what fails in it is seen. 0, or -1 with errno. Arena. */
int rehearsal_policy(struct arena *arena, const struct config_policy *block, const char *path,
                     struct config_policy *policy);
/* The face of that name in logs; NULL: none. */
const struct face *rehearsal_face(struct text name);

#endif
