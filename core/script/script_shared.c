/* script_shared.c - what the policies of all workers share. */
#include <stdlib.h>

#include "base/fail.h"
#include "script/script.h"
#include "script/state.h"

enum { NUMBERS_MOST = 64 << 20, TEXTS_MOST = 64 << 20 }; /* bytes */

struct script_shared *script_shared_new(void)
{
    struct script_shared *shared = calloc(1, sizeof *shared);
    BUG_IF(shared == NULL);
    shared->numbers = store_new(NUMBERS_MOST);
    shared->texts = store_new(TEXTS_MOST);
    return shared;
}

void script_shared_clear(struct script_shared *shared)
{
    store_clear(shared->numbers);
    store_clear(shared->texts);
}

void script_shared_free(struct script_shared *shared)
{
    store_free(shared->numbers);
    store_free(shared->texts);
    free(shared);
}
