/* routes.c - what the admin API has: one table, of which /openapi.json is made and by which bodies are checked. */
#include "admin/litellm.h"

#define ALL ROLES_ALL
#define MAKERS (ROLE_KEY_MAKER | ROLE_OPERATOR | ROLE_OWNER)
#define OPERATORS (ROLE_OPERATOR | ROLE_OWNER)

#define TEXT_TYPE "{\"type\":\"string\"}"
#define COUNT_TYPE "{\"type\":\"integer\",\"minimum\":0}"
#define USD_TYPE "{\"type\":\"string\",\"description\":\"US dollars, such as \\\"20\\\" or \\\"0.50\\\"\"}"
#define DATE_TYPE                                                                                                      \
    "{\"type\":\"string\",\"description\":\"2026-12-31 (to the end of that day, UTC) or 2026-12-31T18:00:00Z\"}"
#define NAMES_TYPE "{\"type\":\"array\",\"items\":" TEXT_TYPE "}"
#define LIMITS                                                                                                         \
    "\"budget\":" USD_TYPE                                                                                             \
    ",\"per\":{\"type\":\"string\",\"enum\":[\"day\",\"week\",\"month\",\"total\"]},\"rpm\":" COUNT_TYPE               \
    ",\"tpm\":" COUNT_TYPE ",\"in_flight\":" COUNT_TYPE                                                                \
    ",\"priority\":{\"type\":\"string\",\"enum\":[\"critical\",\"normal\",\"low\"]},\"models\":" NAMES_TYPE
#define KEY_SETTINGS                                                                                                   \
    LIMITS ",\"expires\":" DATE_TYPE ",\"project\":" TEXT_TYPE                                                         \
           ",\"tags\":{\"type\":\"object\",\"additionalProperties\":" TEXT_TYPE "}"
#define BODY(required, properties)                                                                                     \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" required "],\"properties\":{" properties "}}"

#define OBJECT "{\"type\":\"object\"}"
#define LIST "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"
#define KEY_ONCE "{\"type\":\"object\",\"required\":[\"key\"],\"properties\":{\"key\":" TEXT_TYPE "}}"
#define CREDENTIAL_ONCE                                                                                                \
    "{\"type\":\"object\",\"required\":[\"credential\"],\"properties\":{\"credential\":" TEXT_TYPE "}}"

#define GET .method = "GET"
#define POST .method = "POST"

/* LiteLLM's bodies, whose limits are numbers. */
#define USD_NUMBER "{\"type\":\"number\",\"minimum\":0}"
#define OBJECT_TYPE "{\"type\":\"object\"}"
#define THEIR_LIMITS                                                                                                   \
    "\"models\":" NAMES_TYPE ",\"max_budget\":" USD_NUMBER ",\"budget_duration\":" TEXT_TYPE                           \
    ",\"soft_budget\":" USD_NUMBER ",\"tpm_limit\":" COUNT_TYPE ",\"rpm_limit\":" COUNT_TYPE                           \
    ",\"max_parallel_requests\":" COUNT_TYPE ",\"metadata\":" OBJECT_TYPE                                              \
    ",\"blocked\":{\"type\":\"boolean\"},\"guardrails\":" NAMES_TYPE ",\"organization_id\":" TEXT_TYPE                 \
    ",\"model_max_budget\":" OBJECT_TYPE
#define THEIR_KEY                                                                                                      \
    THEIR_LIMITS ",\"key\":" TEXT_TYPE ",\"duration\":" TEXT_TYPE ",\"user_id\":" TEXT_TYPE ",\"tags\":" NAMES_TYPE    \
                 ",\"aliases\":" OBJECT_TYPE ",\"config\":" OBJECT_TYPE ",\"permissions\":" OBJECT_TYPE                \
                 ",\"allowed_routes\":" NAMES_TYPE ",\"send_invite_email\":{\"type\":\"boolean\"}"

/* clang-format off */
const struct admin_route admin_routes[] = {
    { GET, .path = "/openapi.json", .roles = ALL, .run = admin_openapi, .summary = "This API", .answer = OBJECT },
    { GET, .path = "/admin/v1/status", .roles = ALL, .run = admin_status,
      .summary = "The running gateway: version, configuration, requests in flight, targets, ledger", .answer = OBJECT },
    { GET, .path = "/admin/v1/keys", .roles = ALL, .run = admin_keys_list, .query = "team", .answer = LIST,
      .summary = "All keys, also those of gateway.lua, without secrets" },
    { POST, .path = "/admin/v1/keys", .action = "keys.create", .roles = MAKERS, .run = admin_keys_create, .good = 201,
      .summary = "Makes a key, which is shown this once", .answer = KEY_ONCE,
      .body = BODY("\"team\",\"name\"", "\"team\":" TEXT_TYPE ",\"name\":" TEXT_TYPE "," KEY_SETTINGS) },
    { GET, .path = "/admin/v1/keys/{name}", .roles = ALL, .run = admin_keys_show, .summary = "One key", .answer = OBJECT },
    { .method = "PATCH", .path = "/admin/v1/keys/{name}", .action = "keys.update", .roles = MAKERS, .partial = true,
      .run = admin_keys_update, .summary = "Changes what is named; null takes a setting away", .answer = OBJECT,
      .body = BODY("", KEY_SETTINGS) },
    { .method = "DELETE", .path = "/admin/v1/keys/{name}", .action = "keys.revoke", .roles = MAKERS,
      .run = admin_keys_revoke, .summary = "Revokes a key: no request with it is taken any more", .answer = OBJECT },
    { POST, .path = "/admin/v1/keys/{name}/rotate", .action = "keys.rotate", .roles = MAKERS, .run = admin_keys_rotate,
      .summary = "Gives the key another secret, which is shown this once; the one before counts for `grace` yet",
      .answer = KEY_ONCE, .body = BODY("", "\"grace\":{\"type\":\"string\",\"description\":\"30s, 10m, 24h or 7d\"}") },
    { GET, .path = "/admin/v1/teams", .roles = ALL, .run = admin_teams_list, .summary = "All teams", .answer = LIST },
    { POST, .path = "/admin/v1/teams", .action = "teams.create", .roles = OPERATORS, .run = admin_teams_create, .good = 201,
      .summary = "Makes a team", .answer = OBJECT, .body = BODY("\"name\"", "\"name\":" TEXT_TYPE "," LIMITS) },
    { GET, .path = "/admin/v1/teams/{name}", .roles = ALL, .run = admin_teams_show, .summary = "One team", .answer = OBJECT },
    { GET, .path = "/admin/v1/usage", .roles = ALL, .run = admin_usage, .query = "by since until zone", .answer = LIST,
      .summary = "What was used and spent, as `llm-gateway usage --format json` has it" },
    { GET, .path = "/admin/v1/requests/{id}", .roles = ALL, .run = admin_explain, .answer = OBJECT,
      .summary = "What became of one request, as `llm-gateway explain --json` has it" },
    { POST, .path = "/admin/v1/reload", .action = "config.reload", .roles = OPERATORS, .run = admin_reload,
      .summary = "Loads gateway.lua anew", .answer = OBJECT },
    { POST, .path = "/admin/v1/cache/purge", .action = "cache.purge", .roles = OPERATORS, .run = admin_purge,
      .summary = "Forgets cached answers: of a team, of a model, of both, or one entry", .answer = OBJECT,
      .body = BODY("", "\"team\":" TEXT_TYPE ",\"model\":" TEXT_TYPE ",\"entry\":" TEXT_TYPE) },
    { POST, .path = "/admin/v1/kill", .action = "kill.set", .roles = OPERATORS, .run = admin_kill,
      .summary = "Switches a key or a session off at once, or on again", .answer = OBJECT,
      .body = BODY("\"kind\",\"name\"", "\"kind\":{\"type\":\"string\",\"enum\":[\"key\",\"session\"]},\"name\":" TEXT_TYPE
                                        ",\"off\":{\"type\":\"boolean\"}") },
    { GET, .path = "/admin/v1/credentials", .roles = ROLE_OWNER, .run = admin_credentials_list,
      .summary = "Who may use this API, without secrets; not the owner's", .answer = LIST },
    { POST, .path = "/admin/v1/credentials", .action = "credentials.create", .roles = ROLE_OWNER, .good = 201,
      .run = admin_credentials_create, .summary = "Makes a credential, which is shown this once", .answer = CREDENTIAL_ONCE,
      .body = BODY("\"name\",\"role\"",
                   "\"name\":" TEXT_TYPE ",\"role\":{\"type\":\"string\",\"enum\":[\"viewer\",\"key_maker\",\"operator\",\"owner\"]}"
                   ",\"team\":" TEXT_TYPE ",\"budget\":" USD_TYPE ",\"expires\":" DATE_TYPE ",\"models\":" NAMES_TYPE) },
    { .method = "DELETE", .path = "/admin/v1/credentials/{name}", .action = "credentials.revoke",
      .roles = ROLE_OWNER, .run = admin_credentials_revoke, .summary = "Revokes a credential", .answer = OBJECT },
    { GET, .path = "/admin/v1/audit", .roles = OPERATORS, .run = admin_audit, .query = "last", .answer = LIST,
      .summary = "What was changed, by whom; `last` rows of it" },
    { GET, .path = "/admin/v1/audit/verify", .roles = OPERATORS, .run = admin_audit_verify, .answer = OBJECT,
      .summary = "Whether a row of it is gone or was changed" },

    { POST, .path = "/key/generate", .action = "keys.create", .roles = MAKERS, .run = litellm_key_generate, .partial = true,
      .summary = "LiteLLM's: makes a key", .answer = KEY_ONCE,
      .body = BODY("", THEIR_KEY ",\"key_alias\":" TEXT_TYPE ",\"team_id\":" TEXT_TYPE) },
    { GET, .path = "/key/info", .roles = ALL, .run = litellm_key_info, .query = "key", .answer = OBJECT,
      .summary = "LiteLLM's: one key, by itself, its digest or its alias" },
    { POST, .path = "/key/update", .action = "keys.update", .roles = MAKERS, .run = litellm_key_update, .partial = true,
      .summary = "LiteLLM's: changes what is named", .answer = OBJECT, .body = BODY("\"key\"", THEIR_KEY) },
    { POST, .path = "/key/delete", .action = "keys.revoke", .roles = MAKERS, .run = litellm_key_delete, .answer = OBJECT,
      .summary = "LiteLLM's: revokes keys", .body = BODY("", "\"keys\":" NAMES_TYPE ",\"key_aliases\":" NAMES_TYPE) },
    { POST, .path = "/team/new", .action = "teams.create", .roles = OPERATORS, .run = litellm_team_new, .partial = true,
      .summary = "LiteLLM's: makes a team", .answer = OBJECT,
      .body = BODY("", THEIR_LIMITS ",\"team_alias\":" TEXT_TYPE ",\"team_id\":" TEXT_TYPE ",\"members_with_roles\":" LIST
                       ",\"members\":" NAMES_TYPE ",\"admins\":" NAMES_TYPE) },
    { GET, .path = "/team/info", .roles = ALL, .run = litellm_team_info, .query = "team_id", .answer = OBJECT,
      .summary = "LiteLLM's: one team and its keys" },
    { GET, .path = "/spend/logs", .roles = ALL, .run = litellm_spend_logs, .query = "request_id start_date end_date", .answer = LIST,
      .summary = "LiteLLM's: what was spent on each day, or one request" },
    { GET, .path = "/global/spend/report", .roles = ALL, .run = litellm_spend_report, .query = "start_date end_date group_by",
      .answer = LIST, .summary = "LiteLLM's: what was spent on each day by team, customer or key" },
};
/* clang-format on */
const size_t admin_route_count = sizeof admin_routes / sizeof admin_routes[0];
