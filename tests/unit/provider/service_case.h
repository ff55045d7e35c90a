/* service_case.h - a canonical request, as a service of the openai plugin takes it; as "azure" the azure plugin. */
#ifndef SERVICE_CASE_H
#define SERVICE_CASE_H

#include "replay.h"

/* Of the last request. */
extern struct replay service_replay;
extern struct gw_http service_http;

/* Builds it; end with service_done(). */
gw_status service_build(const char *service, const char *model, const char *body);
void service_done(void);
/* `body` becomes `wanted` (without the model), and `reports` was reported: members, blank-separated. */
void service_expect(const char *service, const char *model, const char *body, const char *wanted, const char *reports);
/* `body` is refused with that text. */
void service_refuses(const char *service, const char *model, const char *body, const char *why);

#endif
