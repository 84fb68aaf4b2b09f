/* sample: an advertiser's answer as it may be kept, so that another reading of it can be tried later: the body without the person's
 * contact. JSON stays JSON, unescaped and with every text and name of it cleaned as excerpt.h says; long numbers become texts.
 * Anything else is a cleaned text. */
#ifndef PUNNET_DELIVERY_SAMPLE_H
#define PUNNET_DELIVERY_SAMPLE_H

#include "answer_rules.h"

#define SAMPLE_MAX_BYTES 2048

/* What is kept of one answer. */
struct answer_sample {
	char text[SAMPLE_MAX_BYTES + 1];
	bool whole; /* no part of the answer is missing */
};

/* values: what must not stand in it, as for excerpt_make(). */
void answer_sample_make(const struct answer_text *text, const struct slice *values, size_t count,
			struct answer_sample *ret);

#endif
