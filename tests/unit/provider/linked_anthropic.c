/* linked_anthropic.c - the anthropic provider, linked into the tests, so that a sanitizer's report has its lines. */
#define GW_BUILTIN anthropic
#include "../../../plugins/anthropic/anthropic.c"

#include "../../../plugins/anthropic/block.c"
#include "../../../plugins/anthropic/error.c"
#include "../../../plugins/anthropic/history.c"
#include "../../../plugins/anthropic/ids.c"
#include "../../../plugins/anthropic/models.c"
#include "../../../plugins/anthropic/parts.c"
#include "../../../plugins/anthropic/plan.c"
#include "../../../plugins/anthropic/read.c"
#include "../../../plugins/anthropic/request.c"
#include "../../../plugins/anthropic/schema.c"
#include "../../../plugins/anthropic/text.c"
#include "../../../plugins/anthropic/think.c"
#include "../../../plugins/anthropic/tools.c"
#include "../../../plugins/anthropic/turns.c"
#include "../../../plugins/anthropic/usage.c"
