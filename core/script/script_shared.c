/* script_shared.c - what the policies of all workers share. */
#include <stdlib.h>

#include "base/fail.h"
#include "script/script.h"

struct script_shared {
    int nothing;
};

struct script_shared *script_shared_new(void)
{
    struct script_shared *shared = calloc(1, sizeof *shared);
    BUG_IF(shared == NULL);
    return shared;
}

void script_shared_free(struct script_shared *shared)
{
    free(shared);
}
