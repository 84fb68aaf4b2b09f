/* echo: does an advertiser's answer give the contact back in a spelling that excerpt.h would not know again? Percent-encoded,
 * escaped as \uXXXX once more, in base64 (either alphabet) or in hex. Of such an answer no text may be kept. */
#ifndef PUNNET_DELIVERY_ECHO_H
#define PUNNET_DELIVERY_ECHO_H

#include "base/arena.h"
#include "base/slice.h"

#define ECHO_LEAST_BYTES 4   /* a shorter value would be found by chance */
#define ECHO_MOST_BYTES  256 /* so much of a value is looked for */

/* Pure. escapes: \uXXXX hides, too. Not in an answer as it came, where JSON is unescaped before it is cleaned. */
bool echo_is_hidden(struct slice text, const struct slice *values, size_t count, bool escapes,
		    struct arena *a);

#endif
