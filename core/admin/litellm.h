/* litellm.h - what the paths that LiteLLM's scripts call share. Its names for what this API has: key_alias is a key's name, team_id a team's,
 * max_budget with budget_duration a budget, duration the time to a key's end, user_id and metadata are tags. */
#ifndef ADMIN_LITELLM_H
#define ADMIN_LITELLM_H

#include "admin/call.h"

/* The handlers; their answers have LiteLLM's members. */
int litellm_key_generate(struct admin_call *call);
int litellm_key_info(struct admin_call *call);
int litellm_key_update(struct admin_call *call);
int litellm_key_delete(struct admin_call *call);
int litellm_team_new(struct admin_call *call);
int litellm_team_info(struct admin_call *call);
int litellm_spend_logs(struct admin_call *call);
int litellm_spend_report(struct admin_call *call);

/* litellm_body.c: the body as this API has it, over the settings of `key` (NULL: of a new one); `lost` gets the names of members that it has no place for. NULL with call->fail: a member that
 * would mean something else here than there. */
const struct json *litellm_body(struct admin_call *call, const struct config_key *key, struct json_writer *lost);

/* litellm_spend.c: what a key or team has spent, as a decimal number; "0" where nothing is known. Arena. */
struct text litellm_spent(struct admin_call *call, const char *by, struct text name);

#endif
