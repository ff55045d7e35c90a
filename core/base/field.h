/* field.h - what may stand in an HTTP header, both ways. Any thread. */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <stdbool.h>

#include "base/text.h"

/* RFC 9110 §5.6.2: one or more token characters. Also what a method must be. */
bool field_is_name(struct text name);
bool field_is_name_byte(char c);
/* RFC 9110 §5.5: no control character but the tab. Bytes over 127 are let through. */
bool field_is_value(struct text value);
/* Does a request header of this name hold a credential of the client's, which is for the gateway alone: no plugin and no policy gets
 * it? Any case. */
bool field_is_credential(struct text name);

/* Does a header of this name frame a message or belong to one connection? Only the gateway writes those: two opinions about them are how
 * requests are smuggled. Any case. */
bool field_is_framing(struct text name);

#endif
