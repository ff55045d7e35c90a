/* frozen_1_0.c - the plugin ABI, a candidate for 1.0: as it will be released. It compiles while every field is where it was,
 * every function takes what it took, and every number means what it meant; the message names what moved.
 * Once 1.0 is released lines are added, at each release, and never changed or taken out. Until then a change
 * is allowed, with its reason in sdk/ABI-HISTORY.md. LP64: sizes of pointers and of size_t are 8. */
#include <gateway/cache.h>
#include <gateway/plugin.h>
#include <gateway/provider.h>
#include <gateway/store.h>

#define FIELD(type, field, offset, ...)                                                                                \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " moved");                                      \
    _Static_assert(_Generic(((type *)0)->field, __VA_ARGS__ : 1, default : 0), #type "." #field " changed type")
/* A struct that plugins have arrays of: it can never grow. */
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed size")
/* A struct that grows at its end. */
#define AT_LEAST(type, size) _Static_assert(sizeof(type) >= (size), #type " became shorter")
#define VALUE(name, value) _Static_assert((name) == (value), #name " changed value")
#define TYPE(name, ...) _Static_assert(_Generic((name){ 0 }, __VA_ARGS__ : 1, default : 0), #name " changed")

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "this list is for LP64");

/* abi.h */
VALUE(GW_ABI_MAJOR, 0u);
VALUE(GW_ABI_MINOR, 1u);
VALUE(GW_OK, 0);
VALUE(GW_MISS, 1);
VALUE(GW_E_NOMEM, (-1));
VALUE(GW_E_CONFIG, (-2));
VALUE(GW_E_REQUEST, (-3));
VALUE(GW_E_PROTOCOL, (-4));
VALUE(GW_E_RETRY, (-5));
VALUE(GW_E_REJECT, (-6));
VALUE(GW_E_UNKNOWN, (-7));

FIELD(gw_str, ptr, 0, const char *);
FIELD(gw_str, len, 8, size_t);
SIZE(gw_str, 16);
TYPE(gw_status, int32_t);

/* host.h */
VALUE(GW_LOG_ERROR, 3u);
VALUE(GW_LOG_WARN, 4u);
VALUE(GW_LOG_INFO, 6u);
VALUE(GW_LOG_DEBUG, 7u);
VALUE(GW_JSON_NULL, 0u);
VALUE(GW_JSON_BOOL, 1u);
VALUE(GW_JSON_INT, 2u);
VALUE(GW_JSON_REAL, 3u);
VALUE(GW_JSON_STR, 4u);
VALUE(GW_JSON_ARRAY, 5u);
VALUE(GW_JSON_OBJECT, 6u);
VALUE(GW_JSON_ABSENT, 7u);

FIELD(gw_json_api, size, 0, uint32_t);
FIELD(gw_json_api, reserved0, 4, uint32_t);
FIELD(gw_json_api, type, 8, uint32_t (*)(const gw_json *));
FIELD(gw_json_api, get, 16, const gw_json *(*)(const gw_json *, gw_str));
FIELD(gw_json_api, at, 24, const gw_json *(*)(const gw_json *, size_t));
FIELD(gw_json_api, key_at, 32, gw_str (*)(const gw_json *, size_t));
FIELD(gw_json_api, count, 40, size_t (*)(const gw_json *));
FIELD(gw_json_api, str, 48, gw_str (*)(const gw_json *));
FIELD(gw_json_api, integer, 56, int64_t (*)(const gw_json *, int64_t));
FIELD(gw_json_api, real, 64, double (*)(const gw_json *, double));
FIELD(gw_json_api, boolean, 72, int32_t (*)(const gw_json *, int32_t));
FIELD(gw_json_api, text, 80, gw_str (*)(const gw_json *));
FIELD(gw_json_api, parse, 88, gw_status (*)(gw_call *, gw_str, const gw_json **));
AT_LEAST(gw_json_api, 96);

FIELD(gw_writer_api, size, 0, uint32_t);
FIELD(gw_writer_api, reserved0, 4, uint32_t);
FIELD(gw_writer_api, object, 8, void (*)(gw_writer *));
FIELD(gw_writer_api, array, 16, void (*)(gw_writer *));
FIELD(gw_writer_api, close, 24, void (*)(gw_writer *));
FIELD(gw_writer_api, key, 32, void (*)(gw_writer *, gw_str));
FIELD(gw_writer_api, str, 40, void (*)(gw_writer *, gw_str));
FIELD(gw_writer_api, integer, 48, void (*)(gw_writer *, int64_t));
FIELD(gw_writer_api, real, 56, void (*)(gw_writer *, double));
FIELD(gw_writer_api, boolean, 64, void (*)(gw_writer *, int32_t));
FIELD(gw_writer_api, null, 72, void (*)(gw_writer *));
FIELD(gw_writer_api, copy, 80, void (*)(gw_writer *, const gw_json *));
FIELD(gw_writer_api, raw, 88, void (*)(gw_writer *, gw_str));
FIELD(gw_writer_api, end, 96, gw_status (*)(gw_writer *));
FIELD(gw_writer_api, text, 104, gw_str (*)(gw_writer *));
AT_LEAST(gw_writer_api, 112);

FIELD(gw_host, size, 0, uint32_t);
FIELD(gw_host, abi_minor, 4, uint32_t);
FIELD(gw_host, self, 8, void *);
FIELD(gw_host, json, 16, const gw_json_api *);
FIELD(gw_host, write, 24, const gw_writer_api *);
FIELD(gw_host, log, 32, void (*)(void *, uint32_t, gw_str));
FIELD(gw_host, now_ms, 40, int64_t (*)(void *));
FIELD(gw_host, unix_ms, 48, int64_t (*)(void *));
FIELD(gw_host, alloc, 56, void *(*)(gw_call *, size_t, size_t));
FIELD(gw_host, set_state, 64, void (*)(gw_call *, void *));
FIELD(gw_host, state, 72, void *(*)(gw_call *));
FIELD(gw_host, explain, 80, void (*)(gw_call *, gw_str));
FIELD(gw_host, dropped, 88, void (*)(gw_call *, gw_str, gw_str));
FIELD(gw_host, client_header, 96, gw_str (*)(gw_call *, gw_str));
FIELD(gw_host, answer_header, 104, gw_str (*)(gw_call *, gw_str));
FIELD(gw_host, writer, 112, gw_writer *(*)(gw_call *));
FIELD(gw_host, buf_append, 120, void (*)(gw_buf *, gw_str));
FIELD(gw_host, http_method, 128, void (*)(gw_http *, gw_str));
FIELD(gw_host, http_url, 136, void (*)(gw_http *, gw_str));
FIELD(gw_host, http_header, 144, void (*)(gw_http *, gw_str, gw_str));
FIELD(gw_host, http_json_body, 152, gw_writer *(*)(gw_http *));
FIELD(gw_host, http_framing, 160, void (*)(gw_http *, uint32_t));
FIELD(gw_host, secret, 168, gw_str (*)(gw_call *, gw_str));
FIELD(gw_host, frame_header, 176, gw_str (*)(const gw_frame *, gw_str));
FIELD(gw_host, sha256, 184, void (*)(gw_str, uint8_t *));
FIELD(gw_host, hmac_sha256, 192, void (*)(gw_str, gw_str, uint8_t *));
AT_LEAST(gw_host, 200);

/* plugin.h */
VALUE(GW_KIND_PROVIDER, 1u);
VALUE(GW_KIND_CACHE, 2u);
VALUE(GW_KIND_STORE, 3u);
VALUE(GW_KIND_SINK, 4u);
VALUE(GW_OPTION_REQUIRED, (1u << 0));
VALUE(GW_OPTION_SECRET, (1u << 1));
VALUE(GW_OPTION_NAMED, (1u << 2));

FIELD(gw_option, name, 0, const char *);
FIELD(gw_option, help, 8, const char *);
FIELD(gw_option, type, 16, uint32_t);
FIELD(gw_option, flags, 20, uint32_t);
SIZE(gw_option, 24);

FIELD(gw_plugin, abi_major, 0, uint32_t);
FIELD(gw_plugin, needs_minor, 4, uint32_t);
FIELD(gw_plugin, size, 8, uint32_t);
FIELD(gw_plugin, kind, 12, uint32_t);
FIELD(gw_plugin, name, 16, const char *);
FIELD(gw_plugin, version, 24, const char *);
FIELD(gw_plugin, license, 32, const char *);
FIELD(gw_plugin, ops, 40, const void *);
FIELD(gw_plugin, options, 48, const gw_option *);
AT_LEAST(gw_plugin, 56);
TYPE(gw_plugin_entry_fn, const gw_plugin *(*)(void));

/* provider.h */
VALUE(GW_FRAMING_WHOLE, 0u);
VALUE(GW_FRAMING_SSE, 1u);
VALUE(GW_FRAMING_LINES, 2u);
VALUE(GW_FRAMING_EVENTSTREAM, 3u);
VALUE(GW_FRAMING_RAW, 4u);
VALUE(GW_OP_CHAT, (1u << 0));
VALUE(GW_OP_COMPLETIONS, (1u << 1));
VALUE(GW_OP_EMBEDDINGS, (1u << 2));
VALUE(GW_OP_COUNT_TOKENS, (1u << 3));
VALUE(GW_OP_MODELS, (1u << 4));
VALUE(GW_OP_MODERATIONS, (1u << 5));
VALUE(GW_OP_RERANK, (1u << 6));
VALUE(GW_OP_IMAGES, (1u << 7));
VALUE(GW_OP_AUDIO, (1u << 8));
VALUE(GW_DIALECT_CHAT, (1u << 0));
VALUE(GW_DIALECT_RESPONSES, (1u << 1));
VALUE(GW_DIALECT_MESSAGES, (1u << 2));
VALUE(GW_DIALECT_GEMINI, (1u << 3));
VALUE(GW_DIALECT_EMBEDDINGS, (1u << 4));
VALUE(GW_DIALECT_COMPLETIONS, (1u << 5));
VALUE(GW_DIALECT_OTHER, (1u << 6));
VALUE(GW_EVENT_START, 1u);
VALUE(GW_EVENT_TEXT, 2u);
VALUE(GW_EVENT_REFUSAL, 3u);
VALUE(GW_EVENT_REASONING, 4u);
VALUE(GW_EVENT_SIGNATURE, 5u);
VALUE(GW_EVENT_TOOL_CALL, 6u);
VALUE(GW_EVENT_TOOL_ARGS, 7u);
VALUE(GW_EVENT_CUSTOM_ARGS, 8u);
VALUE(GW_EVENT_CITATION, 9u);
VALUE(GW_EVENT_LOGPROBS, 10u);
VALUE(GW_EVENT_MEDIA, 11u);
VALUE(GW_EVENT_USAGE, 12u);
VALUE(GW_EVENT_FINISH, 13u);
VALUE(GW_EVENT_ERROR, 14u);
VALUE(GW_EVENT_BODY, 15u);
VALUE(GW_EVENT_ORIGIN, 16u);
VALUE(GW_FAULT_BY_STATUS, 0u);
VALUE(GW_FAULT_REQUEST, 1u);
VALUE(GW_FAULT_AUTH, 2u);
VALUE(GW_FAULT_RATE_LIMIT, 3u);
VALUE(GW_FAULT_OVERLOADED, 4u);
VALUE(GW_FAULT_SERVER, 5u);
VALUE(GW_FAULT_TIMEOUT, 6u);
VALUE(GW_FAULT_CONTEXT, 7u);
VALUE(GW_FAULT_FILTER, 8u);
VALUE(GW_FAULT_QUOTA, 9u);
VALUE(GW_PROVIDER_LOCAL, (1u << 0));
VALUE(GW_PROVIDER_BILLS_AFTER_CANCEL, (1u << 1));

FIELD(gw_request, size, 0, uint32_t);
FIELD(gw_request, operation, 4, uint32_t);
FIELD(gw_request, dialect, 8, uint32_t);
FIELD(gw_request, stream, 12, uint32_t);
FIELD(gw_request, model, 16, gw_str);
FIELD(gw_request, base_url, 32, gw_str);
FIELD(gw_request, secret, 48, gw_str);
FIELD(gw_request, path, 64, gw_str);
FIELD(gw_request, body, 80, const gw_json *);
AT_LEAST(gw_request, 88);

FIELD(gw_frame, size, 0, uint32_t);
FIELD(gw_frame, end, 4, uint32_t);
FIELD(gw_frame, status, 8, uint32_t);
FIELD(gw_frame, framing, 12, uint32_t);
FIELD(gw_frame, name, 16, gw_str);
FIELD(gw_frame, data, 32, gw_str);
FIELD(gw_frame, headers, 48, gw_str);
AT_LEAST(gw_frame, 64);

FIELD(gw_tokens, size, 0, uint32_t);
FIELD(gw_tokens, reserved0, 4, uint32_t);
FIELD(gw_tokens, input, 8, int64_t);
FIELD(gw_tokens, cache_read, 16, int64_t);
FIELD(gw_tokens, cache_write_5m, 24, int64_t);
FIELD(gw_tokens, cache_write_1h, 32, int64_t);
FIELD(gw_tokens, output, 40, int64_t);
FIELD(gw_tokens, reasoning, 48, int64_t);
FIELD(gw_tokens, audio_in, 56, int64_t);
FIELD(gw_tokens, audio_out, 64, int64_t);
FIELD(gw_tokens, image_in, 72, int64_t);
FIELD(gw_tokens, image_out, 80, int64_t);
FIELD(gw_tokens, server_tool_calls, 88, int64_t);
FIELD(gw_tokens, total, 96, int64_t);
FIELD(gw_tokens, raw, 104, gw_str);
AT_LEAST(gw_tokens, 120);

FIELD(gw_event, size, 0, uint32_t);
FIELD(gw_event, type, 4, uint32_t);
FIELD(gw_event, index, 8, uint32_t);
FIELD(gw_event, item, 12, uint32_t);
FIELD(gw_event, id, 16, gw_str);
FIELD(gw_event, text, 32, gw_str);
FIELD(gw_event, data, 48, gw_str);
FIELD(gw_event, tokens, 64, const gw_tokens *);
FIELD(gw_event, status, 72, uint32_t);
FIELD(gw_event, fault, 76, uint32_t);
FIELD(gw_event, code, 80, gw_str);
FIELD(gw_event, param, 96, gw_str);
AT_LEAST(gw_event, 112);

FIELD(gw_service, size, 0, uint32_t);
FIELD(gw_service, dialects, 4, uint32_t);
FIELD(gw_service, name, 8, const char *);
FIELD(gw_service, base_url, 16, const char *);
FIELD(gw_service, secret_env, 24, const char *);
FIELD(gw_service, models, 32, const char *);
AT_LEAST(gw_service, 40);

VALUE(GW_FIELD_CARRIED, 1u);
VALUE(GW_FIELD_TRANSLATED, 2u);
VALUE(GW_FIELD_DROPPED, 3u);
VALUE(GW_FIELD_REFUSED, 4u);

FIELD(gw_capability, size, 0, uint32_t);
FIELD(gw_capability, how, 4, uint32_t);
FIELD(gw_capability, field, 8, const char *);
FIELD(gw_capability, when, 16, const char *);
FIELD(gw_capability, as, 24, const char *);
FIELD(gw_capability, why, 32, const char *);
AT_LEAST(gw_capability, 40);

FIELD(gw_provider_ops, size, 0, uint32_t);
FIELD(gw_provider_ops, operations, 4, uint32_t);
FIELD(gw_provider_ops, dialects, 8, uint32_t);
FIELD(gw_provider_ops, framing, 12, uint32_t);
FIELD(gw_provider_ops, flags, 16, uint32_t);
FIELD(gw_provider_ops, reserved0, 20, uint32_t);
FIELD(gw_provider_ops, open, 24, gw_status (*)(const gw_host *, gw_call *, const gw_json *, void **));
FIELD(gw_provider_ops, close, 32, void (*)(void *));
FIELD(gw_provider_ops, build, 40, gw_status (*)(void *, gw_call *, const gw_request *, gw_http *));
FIELD(gw_provider_ops, read, 48, gw_status (*)(void *, gw_call *, const gw_frame *, gw_emit));
FIELD(gw_provider_ops, produce, 56, gw_status (*)(void *, gw_call *, const gw_request *, gw_emit, uint32_t *));
FIELD(gw_provider_ops, base_url, 64, const char *);
FIELD(gw_provider_ops, secret_env, 72, const char *);
FIELD(gw_provider_ops, models, 80, const char *);
FIELD(gw_provider_ops, services, 88, const gw_service *const *);
FIELD(gw_provider_ops, base_url_form, 96, const char *);
FIELD(gw_provider_ops, capability, 104, const gw_capability *(*)(void *, const gw_request *, uint32_t));
AT_LEAST(gw_provider_ops, 112);
TYPE(gw_emit, void (*)(gw_call *, const gw_event *));

/* cache.h */
VALUE(GW_SET_ALWAYS, 0u);
VALUE(GW_SET_IF_ABSENT, 1u);
VALUE(GW_ADD_EXISTING, 0u);
VALUE(GW_ADD_CREATE, 1u);
VALUE(GW_CACHE_INLINE, (1u << 0));

FIELD(gw_scope, size, 0, uint32_t);
FIELD(gw_scope, reserved0, 4, uint32_t);
FIELD(gw_scope, team, 8, gw_str);
FIELD(gw_scope, space, 24, gw_str);
AT_LEAST(gw_scope, 40);

FIELD(gw_cache_ops, size, 0, uint32_t);
FIELD(gw_cache_ops, flags, 4, uint32_t);
FIELD(gw_cache_ops, open, 8, gw_status (*)(const gw_host *, gw_call *, const gw_json *, void **));
FIELD(gw_cache_ops, close, 16, void (*)(void *));
FIELD(gw_cache_ops, attach, 24, gw_status (*)(void *, gw_call *, void **));
FIELD(gw_cache_ops, detach, 32, void (*)(void *));
FIELD(gw_cache_ops, get, 40, gw_status (*)(void *, gw_call *, const gw_scope *, gw_str, gw_buf *));
FIELD(gw_cache_ops, set, 48, gw_status (*)(void *, gw_call *, const gw_scope *, gw_str, gw_str, uint32_t, uint32_t));
FIELD(gw_cache_ops, del, 56, gw_status (*)(void *, gw_call *, const gw_scope *, gw_str));
FIELD(gw_cache_ops, add, 64,
      gw_status (*)(void *, gw_call *, const gw_scope *, gw_str, int64_t, uint32_t, uint32_t, int64_t *));
FIELD(gw_cache_ops, value_most, 72, uint64_t);
FIELD(gw_cache_ops, get_many, 80,
      gw_status (*)(void *, gw_call *, const gw_scope *, const gw_str *, uint32_t, void *,
                    void (*)(void *, uint32_t, gw_str)));
FIELD(gw_cache_ops, add_from, 88,
      gw_status (*)(void *, gw_call *, const gw_scope *, gw_str, int64_t, int64_t, uint32_t, int64_t *));
AT_LEAST(gw_cache_ops, 96);

/* store.h */
VALUE(GW_STORE_END, 1u);
VALUE(GW_STORE_ROW, 2u);
VALUE(GW_STORE_LATE, 3u);
VALUE(GW_STORE_BY_TEAM, 1u);
VALUE(GW_STORE_BY_KEY, 2u);
VALUE(GW_STORE_BY_MODEL, 3u);
VALUE(GW_STORE_BY_PROVIDER, 4u);
VALUE(GW_STORE_BY_PROJECT, 5u);
VALUE(GW_STORE_BY_TAG, 6u);
VALUE(GW_STORE_BY_USER, 7u);
VALUE(GW_STORE_BY_SESSION, 8u);
VALUE(GW_STORE_BY_CLIENT, 9u);
VALUE(GW_STORE_BY_DAY, 10u);
VALUE(GW_STORE_READ, 0u);
VALUE(GW_STORE_WRITE, 1u);

FIELD(gw_store_cursor, size, 0, uint32_t);
FIELD(gw_store_cursor, reserved0, 4, uint32_t);
FIELD(gw_store_cursor, generation, 8, uint64_t);
FIELD(gw_store_cursor, next, 16, uint64_t);
FIELD(gw_store_cursor, segment, 24, uint64_t);
FIELD(gw_store_cursor, offset, 32, uint64_t);
FIELD(gw_store_cursor, from, 40, uint64_t);
FIELD(gw_store_cursor, rows_since_ms, 48, int64_t);
AT_LEAST(gw_store_cursor, 56);

FIELD(gw_store_line, size, 0, uint32_t);
FIELD(gw_store_line, reserved0, 4, uint32_t);
FIELD(gw_store_line, unit, 8, gw_str);
FIELD(gw_store_line, priced_as, 24, gw_str);
FIELD(gw_store_line, model, 40, gw_str);
FIELD(gw_store_line, tier, 56, gw_str);
FIELD(gw_store_line, quantity, 72, int64_t);
FIELD(gw_store_line, price, 80, int64_t);
FIELD(gw_store_line, cost, 88, int64_t);
AT_LEAST(gw_store_line, 96);

FIELD(gw_store_sums, size, 0, uint32_t);
FIELD(gw_store_sums, reserved0, 4, uint32_t);
FIELD(gw_store_sums, requests, 8, int64_t);
FIELD(gw_store_sums, input, 16, int64_t);
FIELD(gw_store_sums, output, 24, int64_t);
FIELD(gw_store_sums, cache_read, 32, int64_t);
FIELD(gw_store_sums, cache_write, 40, int64_t);
FIELD(gw_store_sums, reasoning, 48, int64_t);
FIELD(gw_store_sums, cost, 56, int64_t);
FIELD(gw_store_sums, doubt, 64, int64_t);
FIELD(gw_store_sums, unpriced, 72, int64_t);
FIELD(gw_store_sums, estimated, 80, int64_t);
AT_LEAST(gw_store_sums, 88);

FIELD(gw_store_row, size, 0, uint32_t);
FIELD(gw_store_row, type, 4, uint32_t);
FIELD(gw_store_row, number, 8, uint64_t);
FIELD(gw_store_row, corrects, 16, uint64_t);
FIELD(gw_store_row, written_ms, 24, int64_t);
FIELD(gw_store_row, admitted_ms, 32, int64_t);
FIELD(gw_store_row, duration_ms, 40, int64_t);
FIELD(gw_store_row, attempt, 48, uint64_t);
FIELD(gw_store_row, request, 56, gw_str);
FIELD(gw_store_row, team, 72, gw_str);
FIELD(gw_store_row, key, 88, gw_str);
FIELD(gw_store_row, model, 104, gw_str);
FIELD(gw_store_row, provider, 120, gw_str);
FIELD(gw_store_row, project, 136, gw_str);
FIELD(gw_store_row, tags, 152, gw_str);
FIELD(gw_store_row, user, 168, gw_str);
FIELD(gw_store_row, session, 184, gw_str);
FIELD(gw_store_row, client, 200, gw_str);
FIELD(gw_store_row, face, 216, gw_str);
FIELD(gw_store_row, upstream_model, 232, gw_str);
FIELD(gw_store_row, ending, 248, gw_str);
FIELD(gw_store_row, source, 264, gw_str);
FIELD(gw_store_row, outcome, 280, gw_str);
FIELD(gw_store_row, price, 296, gw_str);
FIELD(gw_store_row, sums, 312, const gw_store_sums *);
FIELD(gw_store_row, lines, 320, const gw_store_line *const *);
FIELD(gw_store_row, line_count, 328, size_t);
FIELD(gw_store_row, hard, 336, int64_t);
FIELD(gw_store_row, soft, 344, int64_t);
FIELD(gw_store_row, output_limit, 352, uint64_t);
FIELD(gw_store_row, accounts, 360, gw_str);
FIELD(gw_store_row, raw, 376, gw_str);
FIELD(gw_store_row, who, 392, gw_str);
FIELD(gw_store_row, why, 408, gw_str);
AT_LEAST(gw_store_row, 424);

FIELD(gw_store_batch, size, 0, uint32_t);
FIELD(gw_store_batch, reserved0, 4, uint32_t);
FIELD(gw_store_batch, after, 8, const gw_store_cursor *);
FIELD(gw_store_batch, until, 16, const gw_store_cursor *);
FIELD(gw_store_batch, rows, 24, const gw_store_row *const *);
FIELD(gw_store_batch, row_count, 32, size_t);
AT_LEAST(gw_store_batch, 40);

FIELD(gw_store_query, size, 0, uint32_t);
FIELD(gw_store_query, by_count, 4, uint32_t);
FIELD(gw_store_query, by, 8, const uint32_t *);
FIELD(gw_store_query, since_ms, 16, int64_t);
FIELD(gw_store_query, until_ms, 24, int64_t);
AT_LEAST(gw_store_query, 32);

FIELD(gw_store_group, size, 0, uint32_t);
FIELD(gw_store_group, value_count, 4, uint32_t);
FIELD(gw_store_group, values, 8, const gw_str *);
FIELD(gw_store_group, sums, 16, const gw_store_sums *);
AT_LEAST(gw_store_group, 24);

FIELD(gw_store_find, size, 0, uint32_t);
FIELD(gw_store_find, most, 4, uint32_t);
FIELD(gw_store_find, request, 8, gw_str);
FIELD(gw_store_find, number, 24, uint64_t);
FIELD(gw_store_find, after, 32, uint64_t);
AT_LEAST(gw_store_find, 40);

FIELD(gw_store_ops, size, 0, uint32_t);
FIELD(gw_store_ops, flags, 4, uint32_t);
FIELD(gw_store_ops, open, 8, gw_status (*)(const gw_host *, gw_call *, const gw_json *, void **));
FIELD(gw_store_ops, close, 16, void (*)(void *));
FIELD(gw_store_ops, attach, 24, gw_status (*)(void *, gw_call *, uint32_t, void **));
FIELD(gw_store_ops, detach, 32, void (*)(void *));
FIELD(gw_store_ops, cursor, 40, gw_status (*)(void *, gw_call *, gw_store_cursor *));
FIELD(gw_store_ops, put, 48, gw_status (*)(void *, gw_call *, const gw_store_batch *));
FIELD(gw_store_ops, prune, 56, gw_status (*)(void *, gw_call *, int64_t, uint32_t, uint32_t *));
FIELD(gw_store_ops, sums, 64,
      gw_status (*)(void *, gw_call *, const gw_store_query *, gw_store_cursor *, void *,
                    void (*)(void *, const gw_store_group *)));
FIELD(gw_store_ops, rows, 72,
      gw_status (*)(void *, gw_call *, const gw_store_find *, void *, void (*)(void *, const gw_store_row *)));
AT_LEAST(gw_store_ops, 80);
