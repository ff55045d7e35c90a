/* llm_body.h - the bodies of requests that a policy makes to a model. Only script/ includes this. */
#ifndef SCRIPT_LLM_BODY_H
#define SCRIPT_LLM_BODY_H

#include <lua.h>

#include "script/script.h"

/* A question with one user's text; `system` absent: none. `max_tokens` 0: not stated. Arena of the request. */
void llm_body_question(lua_State *L, const char *word, struct script_llm *llm, struct text system, struct text text,
                       int64_t max_tokens);
/* The options `messages` or `request` of the table at `index`. False: the request's own body is not there, or no JSON. */
bool llm_body_options(lua_State *L, int index, const char *word, struct script_llm *llm, int64_t max_tokens);

#endif
