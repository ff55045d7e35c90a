/* api.h - the words of policies as rows, and what their functions share: arguments that are checked, names that fail loudly.
 *
 * A row names its function, the hooks in which it may be called and whether it waits. api.c makes each a Lua function that looks at
 * this first. A new library is a file with rows, and a line in api.c. Only script/ includes this. */
#ifndef SCRIPT_API_H
#define SCRIPT_API_H

#include <lua.h>

#include "base/text.h"
#include "script/state.h"

#define API_LOAD 0x80u /* while the file is loaded */
#define API_HOOKS (SCRIPT_ON_REQUEST | SCRIPT_ON_ROUTE | SCRIPT_ON_RESPONSE | SCRIPT_ON_FINISH)
#define API_WAITS (API_HOOKS & ~SCRIPT_ON_FINISH) /* of functions that wait */
#define API_ALWAYS (API_LOAD | API_HOOKS)

struct api_row {
    const char *name; /* NULL: the end of the list */
    lua_CFunction call;
    unsigned when; /* SCRIPT_ON_* and API_LOAD */
    bool waits;
    const char *arguments, *result; /* as sdk/lua/gw.lua has them */
    const char *help;
};

/* A table of functions: gw, gw.text ... */
struct api_library {
    const char *name;
    const struct api_row *rows;
};
/* Ends with a name of NULL; the first is gw itself. */
extern const struct api_library api_libraries[];

/* gw with all its libraries, frozen: on the stack. */
void api_open(lua_State *L);
/* The function of a row: on the stack. `of`: "gw.text.", "req:", as errors name it. Kept, static. */
void api_push_row(lua_State *L, const char *of, const struct api_row *row);
/* The table on top of the stack becomes one that cannot be changed, and in which an unknown name raises: "gw.text has no function
 * "lowr" (did you mean ...)". `of` static; `what`: "function", "field"; those that may be absent are in `may` (NULL-terminated, static; NULL: none). */
void api_freeze(lua_State *L, const char *of, const char *what, const char *const *may);
/* The same for plain data: an absent key is nil, the index 0 raises. With `keys` there is a list of its keys on top of the table, for
 * the order in which pairs() has them; it is taken. */
void api_freeze_data(lua_State *L, const char *of, bool keys);
/* Makes type, next, pairs that know frozen tables: fields of the table on top of the stack. */
void api_open_tables(lua_State *L);

/* For protected calls: a coroutine, as a reference. */
int api_new_thread(lua_State *L);

/* Raises `of: unknown WHAT "name" (did you mean "x"?)`. `names` is NULL-terminated. */
_Noreturn void api_unknown(lua_State *L, const char *of, const char *what, struct text name, const char *const *names);
/* The run; raises where there is none. */
struct script_run *api_run(lua_State *L);
struct text api_text(lua_State *L, int index); /* absent unless a string */
/* A string at `index`; else raises "WORD: WHAT is needed, not nil". */
struct text api_check_text(lua_State *L, int index, const char *word, const char *what);
/* The table of options at `index`, of which only `names` are known: true where there is one; absent is false. */
bool api_options(lua_State *L, int index, const char *word, const char *const *names);
/* An option as text; absent where it is nil. */
struct text api_option_text(lua_State *L, int index, const char *word, const char *name);
/* An option as a whole number within bounds; `otherwise` where it is nil. */
int64_t api_option_int(lua_State *L, int index, const char *word, const char *name, int64_t least, int64_t most,
                       int64_t otherwise);
/* One call of the hook more: raises where it has made all that it may. */
void api_count_call(lua_State *L, const char *word);
/* What came of it, for the access log. `why` NULL: an answer. */
void api_note_call(lua_State *L, const char *word, const char *what, int status, const char *why);
/* A copy in the request's arena. */
struct text api_keep(lua_State *L, struct text t);
void api_push(lua_State *L, struct text t); /* nil where it is absent */
/* JSON as a Lua value. null becomes nil, or gw.json.null where it is inside. Raises where it is nested too deeply. */
void api_push_json(lua_State *L, const struct json *value);
/* Raises where not: `WORD: model "x" is not configured (did you mean ...)`. */
void api_check_model(lua_State *L, const char *word, struct text name);

extern const struct api_row decide_rows[], api_spend_rows[], api_json_rows[], api_log_rows[], api_text_rows[],
    api_time_rows[], api_counter_rows[], api_cache_rows[], api_http_rows[], api_llm_rows[], api_regex_rows[];
/* The methods of what gw.regex returns. */
extern const struct api_row api_regex_methods[];
/* A header's value of a text that somebody else wrote: visible ASCII, blanks and "?" in the place of others, at most 4096 bytes. Arena.
 * header.c */
struct text header_value(lua_State *L, struct text t);
/* The value at `index` as JSON, appended. Raises `word: why`. */
void api_write_json(lua_State *L, int index, const char *word, struct buf *out);
/* The table at `index`, or what stands behind a frozen one: pushed. For reading only. */
void api_push_real(lua_State *L, int index);
void api_push_print(lua_State *L);
/* args.c: gw.args and gw.arg into the table on top of the stack. */
void args_open(lua_State *L);
/* decide.c: the decision that a hook returned, at `index`; NULL: it is none. */
struct decision {
    const char *kind;              /* "deny", "answer", "route", "retry" */
    struct text model, reason, at; /* at: where it was made, "scripts/x.lua:3" */
    struct script_refusal refusal;
    struct script_reply answer;
    const struct script_retry *retry; /* arena; NULL: it is another decision */
};
const struct decision *decide_at(lua_State *L, int index);
/* request.c: the request, on the stack. What is returned is set to NULL after the hook: who has kept it gets an error. */
struct script_request **request_push(lua_State *L, struct script_request *req);
/* The request at 1; raises where a method was called with a dot. */
struct script_request *request_check(lua_State *L, const char *word);
/* The texts of a turn, in one. */
void request_push_text(lua_State *L, const struct talk_turn *turn);
/* Of a name behind the request while a file is loaded: NULL, or what is wrong with it, on the stack. `called`, `assigned`: what follows. */
const char *request_wrong_name(lua_State *L, struct text name, bool dot, bool called, bool assigned);
/* names.c: raises where the file misspells a name. The table of globals is on top of the stack. */
void names_check(lua_State *L, const char *file, struct text source);
/* module.c: require. The table of globals, on top of the stack, is that of modules too. */
void module_open(lua_State *L);
int module_require(lua_State *L);
/* hints.c: what is meant by a name that `of` does not have; NULL: not known. Static. */
const char *hint_of(const char *of, struct text name);
void request_open(lua_State *L);
void request_write_words(struct buf *out);
/* As fields of a class of lua-language-server. */
void request_write_fields(struct buf *out);
/* body.c: req.body; the request's userdata is at `request`, absolute. */
void body_push(lua_State *L, struct script_request *req, int request);
void body_open(lua_State *L);
/* Is the value at `index` an object or a list of it? These raise where its hook is over. */
bool body_is_view(lua_State *L, int index);
struct text body_json(lua_State *L, int index); /* its JSON; absent: it is none */
int body_next(lua_State *L);                    /* next(), of a view at 1 */
/* target.c */
void target_push_list(lua_State *L, const struct script_targets *targets);
/* The list at `index` into `targets`, which are those of the list at `before`. NULL, or what is wrong with it, static: an element that is none of them, or is there twice. */
const char *target_read_list(lua_State *L, int before, int index, struct script_targets *targets);
/* answer.c: what gw.retry makes of the conversation; raises what is wrong with it. Arena. */
struct ask *answer_say(lua_State *L, struct text say);
/* answer.c: resp:map_text. */
int answer_map_text(lua_State *L);
/* response.c: what on_response gets beside the request, on the stack. */
void response_push(lua_State *L, const struct script_response *response);
/* finish.c: what on_finish gets beside the request, on the stack. */
void finish_push(lua_State *L, const struct script_done *done);
/* What was used, on the stack: `input` and `output` are all, the others are parts of them. */
void finish_push_usage(lua_State *L, const struct usage *u);
/* read.c: the methods of the request that read its messages. */
extern const struct api_row read_rows[];
/* edit.c, header.c, unmask.c: those that change it. */
extern const struct api_row edit_rows[], header_rows[], unmask_rows[];
/* All lists of methods of the request, NULL-terminated. */
extern const struct api_row *const request_rows[];
/* What a hook changes is kept where it ends well. */
void edit_begin_hook(struct script_run *run);
void edit_end_hook(struct script_run *run, bool keeps);
/* Notes the word of an edit in the trace. */
void edit_note(lua_State *L, const char *word);

/* One text of the request, in the order in which all words have them. */
struct script_unit {
    struct text text;
    const char *role;
    const struct json *place;  /* its value in the body, or in the text of `inside` */
    const struct json *inside; /* arguments of a tool that stand in a string; NULL: none */
    bool is_key, is_plain;     /* the key before `place`; `place` is a number */
};
/* All of them, made when they are asked for first. */
struct script_unit *read_units(lua_State *L, struct script_request *req, size_t *count);
/* The roles of the options at `index`, a bit each, for read_has_role(). */
unsigned read_roles(lua_State *L, int index, const char *word);
bool read_has_role(unsigned roles, const char *role);
/* The fields that read.c has. */
const struct talk *read_talk(lua_State *L, struct script_request *req);

/* Which chore of its own a coding agent sends, by a header or the words of its prompt: "title", "topic", "quota_check", "compact",
 * "subagent" (static); NULL: none that is known. What a client claims. */
const char *purpose_of(lua_State *L, struct script_request *req);
void read_push_messages(lua_State *L, const struct talk *talk);
void read_push_calls(lua_State *L, const struct talk *talk);
void read_push_call_list(lua_State *L, const struct talk_call *calls, size_t count, const char *of);

#endif
