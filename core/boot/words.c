/* words.c - the table of words. A setting exists when it has a row here, and not otherwise: load_read.c
 * reads by these rows, `check --words` prints them. */
#include "boot/words.h"

#include <string.h>

#include "boot/declare.h"

#define AT(type_, member_) .offset = offsetof(struct type_, member_)
#define SECONDS(least_, most_) .type = WORD_NUMBER, .unit = "s", .least = (least_), .most = (most_)
#define MILLISECONDS(least_, most_) .type = WORD_NUMBER, .unit = "ms", .least = (least_), .most = (most_)
#define MEGABYTES(least_, most_) .type = WORD_NUMBER, .unit = "MB", .least = (least_), .most = (most_)
#define KILOBYTES(least_, most_) .type = WORD_NUMBER, .unit = "KB", .least = (least_), .most = (most_)
#define COUNT(least_, most_) .type = WORD_COUNT, .least = (least_), .most = (most_)
#define RELOAD .reload = true
#define DAY_S 86400

/* clang-format off */
const struct word_row words[] = {
    {"listen", NULL, WORD_SETTINGS, .help = "listen { ... }: where clients connect"},
    {"listen", "address", WORD_STRING, AT(declare_listen, address), .otherwise = "\"127.0.0.1:8080\"",
     .help = "ADDRESS:PORT; [::1]:PORT; :PORT is every address; port 0 takes a free one"},
    {"listen", "workers", WORD_WORKERS, .least = 1, .most = 256, AT(declare_listen, workers), .otherwise = "\"auto\"",
     .help = "event loops, each a thread; auto: one for each CPU the process may use"},
    {"listen", "trusted_proxies", WORD_STRINGS, AT(declare_listen, trusted_proxies), RELOAD,
     .help = "addresses or ranges (10.0.0.0/8) of proxies in front, whose X-Forwarded-For names the client in the log"},
    {"listen", "tls", WORD_SETTINGS, AT(declare_listen, tls), .help = "serve https instead of http"},
    {"listen.tls", "cert", WORD_SECRET, AT(declare_tls, cert), .required = true, .help = "certificate chain, PEM"},
    {"listen.tls", "key", WORD_SECRET, AT(declare_tls, key), .required = true, .help = "its private key, PEM"},

    {"plugins", NULL, WORD_SETTINGS, RELOAD, .help = "plugins { ... }: what is loaded, and from where"},
    {"plugins", WORD_LIST, WORD_STRINGS, AT(declare_plugins, names), RELOAD,
     .help = "names to load at start even when no provider uses them"},
    {"plugins", "path", WORD_PATHS, AT(declare_plugins, path), RELOAD,
     .help = "more folders to look in, before the ones that came with the program"},

    {"provider", NULL, WORD_SETTINGS, RELOAD, .help = "provider \"name\" { ... }: an upstream service"},
    {"provider", "plugin", WORD_STRING, AT(declare_provider, plugin), .otherwise = "the provider's name", RELOAD,
     .help = "the adapter that speaks with it; not needed where the name is a service that one knows, as \"groq\""},
    {"provider", "base_url", WORD_STRING, AT(declare_provider, base_url), .otherwise = "the service's", RELOAD,
     .help = "what that service's own SDK takes as base URL"},
    {"provider", "secret", WORD_SECRET, AT(declare_provider, secret), RELOAD, .help = "its API key"},
    {"provider", "secrets", WORD_SECRETS, AT(declare_provider, secrets), .otherwise = "the service's, with its base_url",
     RELOAD, .help = "several API keys, divided among conversations; or the secrets by name that the plugin knows"},
    {"provider", "headers", WORD_HEADERS, AT(declare_provider, headers), RELOAD,
     .help = "sent with every request: { [\"Name\"] = \"value\" }"},
    {"provider", "price", WORD_PRICE, AT(declare_provider, price), .otherwise = "the price book's", RELOAD,
     .help = "what its models cost; what it does not name is the price book's: llm-gateway prices show"},
    {"provider", "budget", WORD_BUDGETS, AT(declare_provider, budgets), RELOAD, .help = "what all requests together may spend there"},
    {"provider", "timeout", WORD_SETTINGS, AT(declare_provider, timeouts), RELOAD,
     .help = "how long its answers may take; what a model sets in its own stands above"},
    {"provider.timeout", "connect_s", SECONDS(0.05, 300), AT(config_timeouts, connect_ns), .otherwise = "5", RELOAD,
     .help = "as a model's; so are the others"},
    {"provider.timeout", "first_token_s", SECONDS(0.05, DAY_S), AT(config_timeouts, first_token_ns), .otherwise = "600", RELOAD,
     .help = "of streams"},
    {"provider.timeout", "idle_s", SECONDS(0.05, DAY_S), AT(config_timeouts, idle_ns), .otherwise = "120", RELOAD,
     .help = "longest silence"},
    {"provider.timeout", "total_s", SECONDS(0.05, DAY_S), AT(config_timeouts, total_ns), .otherwise = "600", RELOAD,
     .help = "of the request; of several targets' the longest counts"},
    {"provider", WORD_OTHER, WORD_EXTRAS, AT(declare_provider, extras), RELOAD,
     .help = "what the plugin declares: llm-gateway plugin check NAME.so"},

    {"model", NULL, WORD_SETTINGS, RELOAD, .help = "model \"name\" { ... }: what clients ask for; name* is a family"},
    {"model", WORD_LIST, WORD_TARGETS, AT(declare_model, targets), .required = true, RELOAD,
     .help = "targets, tried in order: \"provider/model\" or { \"provider/model\" }; provider/* keeps "
             "the name asked for"},
    {"model", "fallback", WORD_TARGETS, AT(declare_model, fallback), RELOAD,
     .help = "targets for when all of those failed"},
    {"model", "on_context_overflow", WORD_TARGETS, AT(declare_model, overflow), .otherwise = "none", RELOAD,
     .help = "targets for a prompt that is too long for those, and for nothing else"},
    {"model", "on_content_filter", WORD_TARGETS, AT(declare_model, filter), .otherwise = "none", RELOAD,
     .help = "targets for a request that a provider's content filter refused, and for nothing else"},
    {"model", "timeout", WORD_SETTINGS, AT(declare_model, timeouts), RELOAD, .help = "how long an answer may take; what is not set here is the provider's"},
    {"model.timeout", "connect_s", SECONDS(0.05, 300), AT(config_timeouts, connect_ns), .otherwise = "5", RELOAD,
     .help = "to a usable connection"},
    {"model.timeout", "first_token_s", SECONDS(0.05, DAY_S), AT(config_timeouts, first_token_ns),
     .otherwise = "600", RELOAD, .help = "of a stream: until it has content; 1 s more for each 1,000 input tokens. A whole answer has total_s"},
    {"model.timeout", "idle_s", SECONDS(0.05, DAY_S), AT(config_timeouts, idle_ns), .otherwise = "120", RELOAD,
     .help = "longest silence within an answer, or while the request is sent"},
    {"model.timeout", "total_s", SECONDS(0.05, DAY_S), AT(config_timeouts, total_ns), .otherwise = "600", RELOAD,
     .help = "of the request, all its attempts together; a stream that has begun ends by it only where it is set"},
    {"model", "retry", WORD_SETTINGS, AT(declare_model, retry), RELOAD, .help = "how often it is tried"},
    {"model.retry", "attempts", COUNT(1, 20), AT(declare_retry, attempts), .otherwise = "3", RELOAD,
     .help = "most attempts in all, fallbacks included"},
    {"model", "slow", WORD_SETTINGS, AT(declare_model, slow), .otherwise = "none", RELOAD,
     .help = "a stream that begins and then crawls goes to another target, once; its first words are held until its speed is known, 3 s at most"},
    {"model.slow", "tokens_per_s", COUNT(1, 1000), AT(declare_slow, tokens), .otherwise = "none", RELOAD,
     .help = "fewer are too slow, such as 3"},
    {"model", "shadow", WORD_SETTINGS, AT(declare_model, shadow), .otherwise = "none", RELOAD,
     .help = "a copy of some requests goes to another target, whose answers are thrown away; never of those with tools, stored answers or no-store, nor of teams with `require`"},
    {"model.shadow", WORD_LIST, WORD_STRING, AT(declare_shadow, target), .required = true, RELOAD,
     .help = "\"provider/model\""},
    {"model.shadow", "sample", WORD_SHARE, .least = 0, .most = 1, AT(declare_shadow, sample), .otherwise = "0.01", RELOAD,
     .help = "the part of the requests; at most 4 copies are in flight"},
    {"model.shadow", "usd_per_day", WORD_USD, AT(declare_shadow, usd), .otherwise = "no limit", RELOAD,
     .help = "what they may cost together: a budget of the tag shadow=MODEL, which all of them have"},
    {"model", "strategy", WORD_CHOICE, .choices = "order weighted least_busy lowest_cost lowest_latency", AT(declare_model, strategy),
     .otherwise = "\"order\"; \"weighted\" where a target has a weight", RELOAD,
     .help = "which of the targets that are usable is tried first"},
    {"model", "sticky", WORD_CHOICE, .choices = "none conversation", AT(declare_model, sticky), .otherwise = "\"none\"", RELOAD,
     .help = "the requests of a conversation go to the same one of several targets, whose prompt cache has it"},
    {"model", "lossy", WORD_CHOICE, .choices = "drop refuse", AT(declare_model, lossy), .otherwise = "\"drop\"", RELOAD,
     .help = "what a target cannot carry is dropped and named, or the request is refused"},
    {"model", "min_output_tokens", COUNT(1, 1000000), AT(declare_model, min_output), .otherwise = "256; 4096 where it reasons", RELOAD,
     .help = "a budget that is short lowers no limit of output tokens below this"},
    {"model", "most_usd", WORD_USD, AT(declare_model, most), .otherwise = "none", RELOAD,
     .help = "what a request costs at most where nothing bounds it (audio, documents, tools of the provider): strict budgets let it pass then"},
    {"model", "cache", WORD_BOOL, AT(declare_model, cache), .otherwise = "true", RELOAD, .help = "false: its answers are never kept, nor given again"},
    {"model", "budget", WORD_BUDGETS, AT(declare_model, budgets), RELOAD, .help = "what all who ask for it may spend together"},
    {"model.target", WORD_LIST, WORD_STRING, AT(declare_target, name), .required = true, RELOAD,
     .help = "\"provider/model\""},
    {"model.target", "price", WORD_PRICE, AT(declare_target, price), .otherwise = "the provider's", RELOAD,
     .help = "what it costs: { \"provider/model\", price = { input_usd_per_mtok = 2.5 } }"},
    {"model.target", "weight", COUNT(0, 1000000), AT(declare_target, weight), .otherwise = "1", RELOAD,
     .help = "its share among the targets of its list; 0: only when the others are not usable"},
    {"model.target", "max_in_flight", WORD_LIMIT, .least = 1, .most = 1000000, AT(declare_target, max_in_flight), .otherwise = "no limit", RELOAD,
     .help = "most requests to it at a time, in this process and for all its models; more go to other targets, or wait for up to 2 s. \"adaptive\": found by how fast its streams begin, for a server of your own"},
    {"model.target", "context_tokens", COUNT(1, 100000000), AT(declare_target, context_tokens), .otherwise = "the price book's", RELOAD,
     .help = "the window of its context: a prompt that is longer for certain is not sent to it"},
    {"model.target", "region", WORD_STRING, AT(declare_target, region), RELOAD,
     .help = "where it answers, in a word of yours such as \"eu\": for `require` and policies; nothing checks that it is true"},
    {"model.target", "retention", WORD_STRING, AT(declare_target, retention), RELOAD,
     .help = "what its provider keeps of a request, in a word of yours such as \"none\""},

    {"team", NULL, WORD_SETTINGS, RELOAD, .help = "team \"name\" { ... }: who uses the gateway"},
    {"team", "models", WORD_STRINGS, AT(declare_team, models), .otherwise = "all", RELOAD,
     .help = "what it may ask for; a name may end in *"},
    {"team", "require", WORD_SETTINGS, AT(declare_team, require), RELOAD, .help = "what a target must be to answer its requests, fallbacks too"},
    {"team.require", "region", WORD_PATHS, AT(declare_require, regions), RELOAD, .help = "one of these regions"},
    {"team.require", "retention", WORD_PATHS, AT(declare_require, retentions), RELOAD, .help = "one of these words"},
    {"team", "policies", WORD_STRINGS, AT(declare_team, policies), RELOAD,
     .help = "files of policies of its own, for its requests alone, after the others; they route within its models, and one that fails is skipped"},

    {"team", "budget", WORD_BUDGETS, AT(declare_team, budgets), RELOAD, .help = "what its keys may spend together"},
    {"team", "session_budget", WORD_BUDGETS, AT(declare_team, of_session), RELOAD, .help = "what each session of its clients may spend"},
    {"team", "user_budget", WORD_BUDGETS, AT(declare_team, of_user), RELOAD, .help = "what each end user that its clients name may spend"},

    {"team", "priority", WORD_CHOICE, .choices = "critical normal low", AT(declare_team, priority), .otherwise = "\"normal\"", RELOAD,
     .help = "whose requests are served first where targets with max_in_flight are full; those of low priority are refused first"},
    {"team", "cache", WORD_BOOL, AT(declare_team, cache), .otherwise = "true", RELOAD, .help = "false: nothing is kept of its requests"},

    {"team", "limits", WORD_SETTINGS, AT(declare_team, rates), RELOAD, .help = "what its keys may take together"},
    {"team.limits", "rpm", COUNT(0, 1000000), AT(declare_rates, rpm), .otherwise = "0", RELOAD, .help = "requests per minute; 0: no limit"},
    {"team.limits", "tpm", COUNT(0, 4000000000), AT(declare_rates, tpm), .otherwise = "0", RELOAD, .help = "tokens per minute, cached input too; 0: no limit"},
    {"team.limits", "in_flight", COUNT(0, 1000000), AT(declare_rates, in_flight), .otherwise = "0", RELOAD, .help = "requests at a time; 0: no limit"},

    {"project", NULL, WORD_SETTINGS, RELOAD, .help = "project \"name\" { ... }: what requests with that x-gw-project are charged to"},
    {"project", "budget", WORD_BUDGETS, AT(declare_label, budgets), .required = true, RELOAD, .help = "what they may spend together"},

    {"tag", NULL, WORD_SETTINGS, RELOAD, .help = "tag \"name=value\" { ... }: what requests with that tag are charged to"},
    {"tag", "budget", WORD_BUDGETS, AT(declare_label, budgets), .required = true, RELOAD, .help = "what they may spend together"},

    {"key", NULL, WORD_SETTINGS, RELOAD,
     .help = "key { ... }: what a client shows; once there is one, every client needs one"},
    {"key", "sha256", WORD_STRING, AT(declare_key, sha256), .required = true, RELOAD,
     .help = "64 hex digits: printf %s KEY | sha256sum"},
    {"key", "team", WORD_STRING, AT(declare_key, team), .otherwise = "\"default\"", RELOAD, .help = "whose it is"},
    {"key", "name", WORD_STRING, AT(declare_key, name), .otherwise = "the digest's first 8 digits", RELOAD,
     .help = "how the log calls it"},
    {"key", "enabled", WORD_BOOL, AT(declare_key, enabled), .otherwise = "true", RELOAD, .help = "false: refused"},
    {"key", "expires", WORD_STRING, AT(declare_key, expires), .otherwise = "never", RELOAD,
     .help = "\"2026-12-31\" (to the end of that day, UTC) or \"2026-12-31T18:00:00Z\""},

    {"key", "models", WORD_STRINGS, AT(declare_key, models), .otherwise = "its team's", RELOAD,
     .help = "what it may ask for, of what its team may; a name may end in *"},
    {"key", "project", WORD_STRING, AT(declare_key, project), RELOAD, .help = "of its requests that name none in x-gw-project"},
    {"key", "tags", WORD_TAGS, AT(declare_key, tags), RELOAD, .help = "of its requests, beside those in x-gw-tags, which count before them"},
    {"key", "budget", WORD_BUDGETS, AT(declare_key, budgets), RELOAD, .help = "what it may spend, beside its team's budget"},
    {"key", "session_budget", WORD_BUDGETS, AT(declare_key, of_session), RELOAD, .help = "what each session of it may spend"},
    {"key", "priority", WORD_CHOICE, .choices = "critical normal low", AT(declare_key, priority), .otherwise = "its team's", RELOAD,
     .help = "of its requests, in the place of its team's"},
    {"key", "previous", WORD_SETTINGS, AT(declare_key, previous), RELOAD, .help = "what it was before it was rotated, and until when that is taken too"},
    {"key.previous", "sha256", WORD_STRING, AT(declare_previous, sha256), .required = true, RELOAD, .help = "64 hex digits"},
    {"key.previous", "ends", WORD_STRING, AT(declare_previous, ends), .required = true, RELOAD, .help = "as `expires`"},
    {"key", "limits", WORD_SETTINGS, AT(declare_key, rates), RELOAD, .help = "what it may take, beside its team's limits"},
    {"key.limits", "rpm", COUNT(0, 1000000), AT(declare_rates, rpm), .otherwise = "0", RELOAD, .help = "requests per minute; 0: no limit"},
    {"key.limits", "tpm", COUNT(0, 4000000000), AT(declare_rates, tpm), .otherwise = "0", RELOAD, .help = "tokens per minute, cached input too; 0: no limit"},
    {"key.limits", "in_flight", COUNT(0, 1000000), AT(declare_rates, in_flight), .otherwise = "0", RELOAD, .help = "requests at a time; 0: no limit"},

    {"policy", NULL, WORD_SETTINGS, RELOAD,
     .help = "policy \"file.lua\" { ... }: a rule in Lua, for each request in the order of the file; or policy { when = ..., route = ... }"},
    {"policy", "name", WORD_STRING, AT(declare_policy, name), .otherwise = "the file's", RELOAD, .help = "in the log"},
    {"policy", "args", WORD_ARGS, AT(declare_policy, args), .otherwise = "those of gw.args", RELOAD, .help = "what its gw.args { ... } declares"},
    {"policy", "when", WORD_STRING, AT(declare_policy, when), RELOAD, .help = "without a file: an expression in Lua about `req`"},
    {"policy", "route", WORD_STRING, AT(declare_policy, route), RELOAD, .help = "without a file: the model that answers then"},
    {"policy", "models", WORD_STRINGS, AT(declare_policy, models), .otherwise = "all", RELOAD,
     .help = "requests for these models, by the name that the client asks for; a name may end in *"},
    {"policy", "teams", WORD_STRINGS, AT(declare_policy, teams), .otherwise = "all", RELOAD, .help = "requests of these teams"},
    {"policy", "kinds", WORD_STRINGS, AT(declare_policy, kinds), .otherwise = "all", RELOAD,
     .help = "chat, completion, embedding, image, audio, rerank, moderation"},
    {"policy", "mode", WORD_CHOICE, .choices = "enforce observe", AT(declare_policy, mode), .otherwise = "\"enforce\"", RELOAD,
     .help = "observe: what it decides is in the access log and is not done"},
    {"policy", "on_error", WORD_CHOICE, .choices = "deny skip", AT(declare_policy, on_error), .otherwise = "\"deny\"", RELOAD,
     .help = "what becomes of the request when the policy fails; skip: it goes on as if there were no such policy"},
    {"policy", "cpu_ms", MILLISECONDS(1, 1000), AT(declare_policy, cpu_ns), .otherwise = "10", RELOAD, .help = "CPU time of a hook"},
    {"policy", "wait_ms", MILLISECONDS(1, 600000), AT(declare_policy, wait_ns), .otherwise = "1000", RELOAD, .help = "how long a hook may wait, in all"},
    {"policy", "llm_wait_ms", MILLISECONDS(1, 600000), AT(declare_policy, llm_wait_ns), .otherwise = "20000", RELOAD, .help = "how long a hook may wait for models, in all"},
    {"policy", "llm", WORD_STRINGS, AT(declare_policy, llms), .otherwise = "none", RELOAD, .help = "models that gw.llm may ask"},
    {"policy", "http", WORD_PLACES, AT(declare_policy, places), RELOAD, .help = "places that gw.http may ask, by name: { name = { url = ..., headers = ... } }"},
    {"policy.http", "url", WORD_STRING, AT(declare_place, url), .required = true, RELOAD, .help = "of the place; gw.http adds its path"},
    {"policy.http", "headers", WORD_HEADERS, AT(declare_place, headers), RELOAD, .help = "sent with each request to it; a value may be env or file"},
    {"policy", "retries", COUNT(0, CONFIG_POLICY_RETRIES_MOST), AT(declare_policy, retries), .otherwise = "1", RELOAD, .help = "how often gw.retry may ask again for one request"},
    {"policy", "memory_mb", MEGABYTES(1, 1024), AT(declare_policy, memory_bytes), .otherwise = "16", RELOAD, .help = "of the policy, on each worker"},

    {"limits", NULL, WORD_SETTINGS, .help = "limits { ... }: what one client, or all of them, may take"},
    {"limits", "body_mb", MEGABYTES(0.001, 1024), AT(config_limits, body_bytes), .otherwise = "20", RELOAD,
     .help = "body of a request"},
    {"limits", "answer_mb", MEGABYTES(0.001, 4096), AT(config_limits, answer_bytes), .otherwise = "64", RELOAD,
     .help = "answer that is not streamed"},
    {"limits", "event_mb", MEGABYTES(0.001, 1024), AT(config_limits, event_bytes), .otherwise = "16", RELOAD,
     .help = "one event of a stream"},
    {"limits", "memory_mb", MEGABYTES(1, 4096), AT(config_limits, memory_bytes), .otherwise = "64", RELOAD,
     .help = "memory of one request"},
    {"limits", "bodies_mb", MEGABYTES(0, 1048576), AT(config_limits, bodies_bytes), .otherwise = "0", RELOAD,
     .help = "bodies of all requests together; 0: an eighth of the memory that the process may use"},
    {"limits", "header_kb", KILOBYTES(1, 64), AT(config_limits, header_bytes), .otherwise = "8",
     .help = "request line and headers"},
    {"limits", "headers", COUNT(10, 1000), AT(config_limits, header_count), .otherwise = "100",
     .help = "headers of a request"},
    {"limits", "connections", COUNT(1, 1000000), AT(config_limits, connections), .otherwise = "16384", RELOAD,
     .help = "open connections of clients"},
    {"limits", "in_flight", COUNT(0, 1000000), AT(config_limits, in_flight), .otherwise = "0", RELOAD,
     .help = "requests at a time; 0: no limit of its own"},
    {"limits", "rpm", COUNT(0, 1000000), AT(config_limits, rpm), .otherwise = "0", RELOAD, .help = "requests per minute, all together; 0: no limit"},
    {"limits", "tpm", COUNT(0, 4000000000), AT(config_limits, tpm), .otherwise = "0", RELOAD, .help = "tokens per minute, all together; 0: no limit"},
    {"limits", "header_s", SECONDS(0.05, 3600), AT(config_limits, header_ns), .otherwise = "10",
     .help = "for a complete head"},
    {"limits", "body_s", SECONDS(0.05, 3600), AT(config_limits, body_ns), .otherwise = "60",
     .help = "for a complete body"},
    {"limits", "write_s", SECONDS(0.05, 3600), AT(config_limits, write_ns), .otherwise = "60",
     .help = "longest a client may take nothing of its answer"},
    {"limits", "keep_alive_s", SECONDS(0.05, DAY_S), AT(config_limits, keep_alive_ns), .otherwise = "75",
     .help = "idle connection of a client"},
    {"limits", "drain_s", SECONDS(0, DAY_S), AT(config_limits, drain_ns), .otherwise = "600", RELOAD,
     .help = "for requests in flight after SIGTERM"},
    {"limits", "ping_s", SECONDS(0.05, 3600), AT(config_limits, ping_ns), .otherwise = "15", RELOAD,
     .help = "silence in a stream before a keep-alive comment"},
    {"limits", "dns_max_age_s", SECONDS(4, DAY_S), AT(config_limits, dns_max_age_ns), .otherwise = "30", RELOAD,
     .help = "where an upstream's name has moved to another address, its connections have moved too by then; a failed connect asks at once"},

    {"cors", NULL, WORD_SETTINGS, RELOAD, .help = "cors { ... }: web pages that may use the gateway"},
    {"cors", "origins", WORD_STRINGS, AT(declare_cors, origins), .required = true, RELOAD,
     .help = "as browsers name them: \"https://chat.example.org\"; \"*\", where there are keys, is every page"},

    {"admin", NULL, WORD_SETTINGS, .help = "admin { ... }: the admin API: keys, teams, reports over HTTP, with credentials of its own"},
    {"admin", "address", WORD_STRING, AT(declare_admin, address), .required = true,
     .help = "ADDRESS:PORT of its own, such as \"127.0.0.1:8081\"; the owner's credential is admin.key beside the ledger"},

    {"metrics", NULL, WORD_SETTINGS, RELOAD, .help = "metrics { ... }: who may read /metrics"},
    {"metrics", "token", WORD_SECRET, AT(declare_metrics, token), .required = true, RELOAD,
     .help = "opens it to other machines too, as \"Authorization: Bearer TOKEN\""},

    {"ledger", NULL, WORD_SETTINGS, .help = "ledger { ... }: where what was used and spent is written down"},
    {"ledger", "path", WORD_STRING, AT(declare_ledger, path), .required = true,
     .help = "a folder for this gateway alone, relative to gateway.lua; it is made when it is not there"},
    {"ledger", "sync_ms", MILLISECONDS(0, 60000), AT(declare_ledger, sync_ns), .otherwise = "50",
     .help = "what a loss of power may take; 0: nothing, and each request waits for the disk"},
    {"ledger", "budget_mode", WORD_CHOICE, .choices = "expected strict", AT(declare_ledger, budget_mode), .otherwise = "\"expected\"", RELOAD,
     .help = "the mode of budgets that name none"},
    {"ledger", "budget_wait_s", SECONDS(0, 3600), AT(declare_ledger, wait_ns), .otherwise = "2", RELOAD,
     .help = "how long a request waits where only others in flight keep it from fitting its budgets; 0: not at all"},
    {"ledger", "budget_wait_stream_s", SECONDS(0, 3600), AT(declare_ledger, wait_stream_ns), .otherwise = "15", RELOAD,
     .help = "the same of a stream"},
    {"ledger", "doubt_ttl_s", SECONDS(0, 366 * DAY_S), AT(declare_ledger, doubt_ttl_ns), .otherwise = "86400",
     .help = "what is in doubt for longer, and nobody resolved, is taken to have cost nothing more; 0: it stays in doubt"},
    {"ledger", "keep_days", COUNT(0, 36500), AT(declare_ledger, keep_days), .otherwise = "7",
     .help = "how long its files are kept after the store has what is in them"},

    {"store", NULL, WORD_SETTINGS, .help = "store { ... }: where the ledger's rows are kept for questions"},
    {"store", "plugin", WORD_STRING, AT(declare_store, plugin), .otherwise = "\"sqlite\"", .help = "the kind of store"},
    {"store", "path", WORD_STRING, AT(declare_store, path), .otherwise = "store.sqlite in the ledger's folder",
     .help = "its file, relative to gateway.lua; of sqlite"},
    {"store", "url", WORD_STRING, AT(declare_store, url), .help = "its database, \"postgresql://USER@HOST:PORT/DATABASE\"; of postgres"},
    {"store", "password", WORD_SECRET, AT(declare_store, password), .otherwise = "PGPASSWORD or ~/.pgpass", .help = "the database's; of postgres"},
    {"store", "rows_days", COUNT(1, 36500), AT(declare_store, rows_days), .otherwise = "forever",
     .help = "how long single rows are kept; their sums stay"},

    {"cache", NULL, WORD_SETTINGS, RELOAD, .help = "cache { ... }: a request that was answered before gets the same answer again, and no provider is asked"},
    {"cache", "plugin", WORD_STRING, AT(declare_cache, plugin), .otherwise = "\"memory\"", .help = "where answers are kept: memory, or memcached, which several gateways may share"},
    {"cache", "servers", WORD_STRINGS, AT(declare_cache, servers), .otherwise = "none", .help = "of memcached: \"10.0.0.7:11211\", or the path of a socket"},
    {"cache", "seal", WORD_SECRET, AT(declare_cache, seal), .otherwise = "made, and kept beside the ledger", .help = "seals what memcached keeps; the same on all gateways that share it"},
    {"cache", "mb", COUNT(1, 1048576), AT(declare_cache, mb), .otherwise = "64", .help = "of memory: most of all answers, in MB"},
    {"cache", "ttl_s", COUNT(2, 30 * DAY_S), AT(declare_cache, ttl_s), .otherwise = "3600", RELOAD, .help = "how long an answer may be given again"},
    {"cache", "per", WORD_CHOICE, .choices = "team key user", AT(declare_cache, per), .otherwise = "\"team\"", RELOAD,
     .help = "who shares answers: all keys of a team; each key alone; each end user of a team alone (x-gw-user), and those without one together"},
    {"cache", "tools", WORD_BOOL, AT(declare_cache, tools), .otherwise = "false", RELOAD, .help = "true: also for requests that offer tools which the client runs"},
    {"cache", "any_target", WORD_BOOL, AT(declare_cache, any_target), .otherwise = "false", RELOAD,
     .help = "true: an answer of any target of a model's first list will do, not only of the one whose turn it is"},

    {"capture", NULL, WORD_SETTINGS, RELOAD, .help = "capture { ... }: what some requests and their answers say is kept, sealed, beside the ledger, so that policy replay can try another policy on it"},
    {"capture", "teams", WORD_STRINGS, AT(declare_capture, teams), .required = true, RELOAD, .help = "whose requests; a name may end in *"},
    {"capture", "share", WORD_SHARE, .least = 0, .most = 1, AT(declare_capture, share), .otherwise = "0.1", RELOAD,
     .help = "the part of their requests; never those with x-gw-cache: no-store"},
    {"capture", "days", COUNT(1, 90), AT(declare_capture, days), .otherwise = "7", RELOAD, .help = "then it is removed, by whole files, up to an hour early"},
    {"capture", "mb", COUNT(1, 1048576), AT(declare_capture, mb), .otherwise = "1024", RELOAD,
     .help = "most of all its files, in MB; what comes then is not captured, until the oldest go"},
    {"counters", NULL, WORD_SETTINGS, .help = "counters { ... }: where requests and tokens per minute are counted"},
    {"counters", "plugin", WORD_STRING, AT(declare_counters, plugin), .otherwise = "\"memory\"", .help = "memory: each gateway for itself; memcached: all gateways that share it together"},
    {"counters", "servers", WORD_STRINGS, AT(declare_counters, servers), .otherwise = "none", .help = "of memcached; others than the cache's, which would push counters out"},
    {"counters", "gateways", COUNT(1, 1000), AT(declare_counters, gateways), .otherwise = "3", .help = "about how many share them: the more, the smaller the parts that each takes at once"},

    {"budget", NULL, WORD_BUDGETS, RELOAD, .help = "budget { ... }: what all requests together may spend; a list has several, one for each period"},
    {"budget", "usd", WORD_USD, AT(declare_budget, usd), .required = true, RELOAD, .help = "what may be spent in a period"},
    {"budget", "per", WORD_CHOICE, .choices = "day week month total", AT(declare_budget, per), .otherwise = "\"month\"", RELOAD,
     .help = "when it begins anew: at 0:00, on Monday, on the first of the month, never"},
    {"budget", "zone", WORD_STRING, AT(declare_budget, zone), .otherwise = "\"UTC\"", RELOAD,
     .help = "whose days they are: a time zone, as \"Europe/Berlin\""},
    {"budget", "ceiling_usd", WORD_USD, AT(declare_budget, ceiling), .otherwise = "twice usd", RELOAD,
     .help = "what the requests in flight can never cost together with what was spent; strict: usd"},
    {"budget", "mode", WORD_CHOICE, .choices = "expected strict", AT(declare_budget, mode), .otherwise = "ledger.budget_mode", RELOAD,
     .help = "what is in flight counts with what it is expected to cost, or with the most that it can cost"},
    {"budget", "when_short", WORD_CHOICE, .choices = "clamp refuse", AT(declare_budget, when_short), .otherwise = "\"clamp\" where strict, else \"refuse\"", RELOAD,
     .help = "a request that does not fit gets a lower limit of output tokens, or is refused"},
    {"budget", "only_report", WORD_BOOL, AT(declare_budget, only_report), .otherwise = "false", RELOAD,
     .help = "true: it counts and alerts, and refuses nothing"},
    {"budget", "alert", WORD_STRING, AT(declare_budget, alert), RELOAD, .help = "a URL that gets a POST when so much is spent"},
    {"budget", "alert_usd", WORD_USD, AT(declare_budget, alert_usd), RELOAD, .help = "how much"},
    {"budget", "alert_percent", COUNT(1, 100), AT(declare_budget, alert_percent), RELOAD, .help = "or which share of usd"},
    {"budget", "raise", WORD_SETTINGS, AT(declare_budget, raise), RELOAD, .help = "more for a while"},
    {"budget.raise", "usd", WORD_USD, AT(declare_raise, usd), .required = true, RELOAD, .help = "on top of usd and of ceiling_usd"},
    {"budget.raise", "ends", WORD_STRING, AT(declare_raise, ends), .required = true, RELOAD,
     .help = "\"2026-12-31\" (to the end of that day, UTC) or \"2026-12-31T18:00:00Z\""},

    {"env", NULL, WORD_FUNCTION, RELOAD,
     .help = "env \"NAME\": a secret from the environment; unset switches its provider off"},
    {"file", NULL, WORD_FUNCTION, RELOAD, .help = "file \"path\": a secret from a file, relative to gateway.lua"},
};
/* clang-format on */
const size_t word_count = sizeof words / sizeof words[0];

/* Words of later versions; NULL: the word itself. */
static const struct {
    const char *word, *setting;
} later[] = {
    { "guard", NULL },
    { "sink", NULL },
    { "prices", NULL },
    { "limits", "policy_ms" },
    { "limits", "policy_wait_ms" },
    { "team", "policy" },
    { "limits", "policy_memory_mb" },
    { "model.retry", "budget" },
    { "model", "price" },
};

static const char *const beginnings[] = { "listen", "plugins", "provider", "model", "team",    "project",
                                          "tag",    "key",     "limits",   "cors",  "metrics", "ledger",
                                          "store",  "budget",  "policy",   "cache", "capture", "counters",
                                          "admin",  "env",     "file",     NULL };

const char *const *words_names(void)
{
    return beginnings;
}

const struct word_row *words_find(const char *word, const char *setting)
{
    for (size_t i = 0; i < word_count; i++)
        if (words[i].setting != NULL && strcmp(words[i].word, word) == 0 && strcmp(words[i].setting, setting) == 0)
            return &words[i];
    return NULL;
}

/* What other gateways call it. */
static const struct {
    const char *word, *other, *ours;
} others[] = {
    { "key", "digest", "sha256" },       { "key", "hash", "sha256" },        { "limits", "body_bytes", "body_mb" },
    { "listen", "bind", "address" },     { "listen", "port", "address" },    { "listen", "threads", "workers" },
    { "model", "retries", "retry" },     { "plugins", "folder", "path" },    { "provider", "api_base", "base_url" },
    { "provider", "api_key", "secret" }, { "provider", "apikey", "secret" }, { "provider", "endpoint", "base_url" },
    { "provider", "key", "secret" },     { "provider", "keys", "secrets" },  { "provider", "token", "secret" },
    { "provider", "type", "plugin" },    { "provider", "url", "base_url" },
};

const char *words_nearest(const char *word, const char *setting, const char *const *more)
{
    enum { MOST = 128 };
    const char *names[MOST];
    size_t count = 0;

    for (size_t i = 0; i < word_count; i++)
        if (words[i].setting != NULL && strcmp(words[i].word, word) == 0 && strcmp(words[i].setting, WORD_LIST) != 0 &&
            strcmp(words[i].setting, WORD_OTHER) != 0)
            names[count++] = words[i].setting;
    for (; more != NULL && *more != NULL && count < MOST / 2; more++)
        names[count++] = *more;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].word, word) == 0)
            names[count++] = others[i].other;
    names[count] = NULL;
    const char *nearest = text_nearest(text_of(setting), names);
    for (size_t i = 0; nearest != NULL && i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].word, word) == 0 && strcmp(others[i].other, nearest) == 0)
            return others[i].ours;
    return nearest;
}

bool words_is_later(const char *word, const char *setting)
{
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        if (word == NULL ? later[i].setting == NULL && strcmp(later[i].word, setting) == 0
                         : later[i].setting != NULL && strcmp(later[i].word, word) == 0 &&
                               strcmp(later[i].setting, setting) == 0)
            return true;
    }
    return false;
}
