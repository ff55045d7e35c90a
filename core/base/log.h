/* log.h - talk for people, on stderr: one line per call, never blocks a request for long.
 * The access log is not here: see flow/access.h. Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

void log_set_level(enum log_level level);
/* Would a line of that level be written? */
bool log_is_on(enum log_level level);
/* "llm-gateway: warning: ..." with control characters escaped, so a line stays a line. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
