/* linked_openai.c - the openai provider, linked into the tests, so that a sanitizer's report has its lines. */
#define GW_BUILTIN openai
#include "../../../plugins/openai/openai.c"

#include "../../../plugins/openai/body.c"
#include "../../../plugins/openai/error.c"
#include "../../../plugins/openai/family.c"
#include "../../../plugins/openai/fields.c"
#include "../../../plugins/openai/lookup.c"
#include "../../../plugins/openai/members.c"
#include "../../../plugins/openai/message.c"
#include "../../../plugins/openai/messages.c"
#include "../../../plugins/openai/read.c"
#include "../../../plugins/openai/request.c"
#include "../../../plugins/openai/responses.c"
#include "../../../plugins/openai/services.c"
#include "../../../plugins/openai/text.c"
#include "../../../plugins/openai/tools.c"
#include "../../../plugins/openai/usage.c"
