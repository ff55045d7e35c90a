/* deadline.c - the one deadline of a request, and what follows from it for an attempt. */
#include "flow/deadline.h"

#include "base/clock.h"
#include "flow/way.h"

enum { WHOLE_MOST = 5, DECIMALS_MOST = 3, LEAST_MS = 50, MOST_MS = 86400000 };
#define SPARE_NS (100 * CLOCK_MS) /* for what lies between two attempts */
#define TOKEN_NS 1e6              /* for which a stream may take longer to its first one, for each of its input */

int64_t deadline_parse(struct text value)
{
    int64_t ms = 0;
    size_t i = 0, whole = 0, decimals = 0;
    for (; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9' && whole < WHOLE_MOST; i++, whole++)
        ms = ms * 10 + (value.ptr[i] - '0') * 1000;
    if (i < value.len && value.ptr[i] == '.') {
        int64_t unit = 100;
        for (i++; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9' && decimals < DECIMALS_MOST; i++) {
            ms += (value.ptr[i] - '0') * unit;
            unit /= 10;
            decimals++;
        }
        if (decimals == 0)
            return -1;
    }
    return i < value.len || whole == 0 || ms < LEAST_MS || ms > MOST_MS ? -1 : ms * CLOCK_MS;
}

void deadline_header(struct request *req, struct text value)
{
    int64_t ns = deadline_parse(text_trim(value));
    if (ns > 0 && (req->client_timeout_ns == 0 || ns < req->client_timeout_ns)) {
        req->client_timeout_ns = ns;
    } else if (ns < 0 && req->whose.header == NULL) {
        req->whose.header = "x-gw-timeout";
        req->whose.wrong =
            "takes seconds from 0.05 to 86400 with at most three decimals, such as 2.5: send it so, or leave it out";
    }
}

/* The model's, else the longest of its targets' providers. */
static int64_t total_ns(const struct request *req)
{
    int64_t most = req->timeouts.total_ns;
    for (size_t i = 0; i < req->target_count && req->timeouts.total_ns == 0; i++) {
        int64_t of_target = config_timeouts_of(&req->timeouts, req->targets[i].provider).total_ns;
        most = of_target > most ? of_target : most;
    }
    return most;
}

bool deadline_is_clients(const struct request *req)
{
    return req->client_timeout_ns > 0 && req->client_timeout_ns < total_ns(req);
}

static int64_t all_ns(const struct request *req)
{
    return deadline_is_clients(req) ? req->client_timeout_ns : total_ns(req);
}

int64_t deadline_left_ns(const struct request *req, int64_t now_ns)
{
    return req->begun_ns + all_ns(req) - now_ns;
}

/* What must be left for another attempt. */
static int64_t for_another_ns(const struct request *req)
{
    int64_t quarter = all_ns(req) / 4;
    return quarter < DEADLINE_ATTEMPT_NS ? quarter : DEADLINE_ATTEMPT_NS;
}

bool deadline_allows_another(const struct request *req, int64_t now_ns)
{
    return deadline_left_ns(req, now_ns) >= for_another_ns(req);
}

bool deadline_was_clients(const struct attempt *a)
{
    return deadline_is_clients(a->req) && (a->failure == TRANSFER_TIME_TOTAL || attempt_was_hurried(a));
}

void deadline_begin(struct attempt *a, int64_t now_ns)
{
    const struct request *req = a->req;
    struct config_timeouts t = config_timeouts_of(&req->timeouts, a->target->provider);
    int64_t left = deadline_left_ns(req, now_ns), next = for_another_ns(req);
    int64_t room = left - next - (next / 4 < SPARE_NS ? next / 4 : SPARE_NS);
    bool another = way_has_attempts(req) && req->target_next < req->target_count;
    a->send.connect_ns = t.connect_ns;
    a->send.idle_ns = t.idle_ns;
    a->send.total_ns = left > CLOCK_MS ? left : CLOCK_MS; /* 0 would be no limit */
    if (!a->streams)
        return;
    a->send.content_ns = t.first_token_ns + (int64_t)(a->input_guess * TOKEN_NS);
    a->hurried = another && room > 0 && room < a->send.content_ns;
    if (a->hurried)
        a->send.content_ns = room;
}

void deadline_spoke(struct attempt *a)
{
    const struct request *req = a->req;
    a->send.content_ns = 0;
    if (!a->streams || req->timeouts.total_ns > 0 || a->target->provider->timeouts.total_ns > 0 ||
        deadline_is_clients(req))
        return;
    a->send.total_ns = req->client_timeout_ns > 0 ? a->send.total_ns + req->client_timeout_ns - all_ns(req) : 0;
}

static const char *of_setting(struct attempt *a, const char *what, const char *setting, int64_t ns)
{
    return arena_printf(&a->req->arena, "%s timeout.%s, %.6g s: the operator can raise it", what, setting,
                        (double)ns / 1e9);
}

const char *deadline_text(struct attempt *a)
{
    const struct request *req = a->req;
    struct config_timeouts t = config_timeouts_of(&req->timeouts, a->target->provider);
    switch (a->failure) {
    case TRANSFER_TIME_CONNECT:
        return of_setting(a, "no connection within", "connect_s", t.connect_ns);
    case TRANSFER_TIME_IDLE:
        return of_setting(a, "silent for longer than", "idle_s", t.idle_ns);
    case TRANSFER_TIME_FIRST:
        if (a->hurried)
            return deadline_is_clients(req)
                       ? "no token in time for another attempt within the request's x-gw-timeout"
                       : of_setting(a, "no token in time for another attempt within", "total_s", all_ns(req));
        return of_setting(a, "no token within", "first_token_s", t.first_token_ns);
    case TRANSFER_TIME_TOTAL:
        return deadline_is_clients(req) ? "not complete within the request's x-gw-timeout"
                                        : of_setting(a, "not complete within", "total_s", all_ns(req));
    default:
        return transfer_failure_text(a->failure);
    }
}
