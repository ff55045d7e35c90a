/* deadline.c - the one deadline of a request. */
#include "flow/deadline.h"

#include "base/clock.h"
#include "flow/way.h"

enum { WHOLE_MOST = 5, DECIMALS_MOST = 3, LEAST_MS = 50, MOST_MS = 86400000 };

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

bool deadline_is_clients(const struct request *req)
{
    return req->client_timeout_ns > 0 && req->client_timeout_ns < req->timeouts.total_ns;
}

static int64_t all_ns(const struct request *req)
{
    return deadline_is_clients(req) ? req->client_timeout_ns : req->timeouts.total_ns;
}

int64_t deadline_left_ns(const struct request *req, int64_t now_ns)
{
    return req->begun_ns + all_ns(req) - now_ns;
}

bool deadline_allows_another(const struct request *req, int64_t now_ns)
{
    int64_t quarter = all_ns(req) / 4;
    return deadline_left_ns(req, now_ns) >= (quarter < DEADLINE_ATTEMPT_NS ? quarter : DEADLINE_ATTEMPT_NS);
}
