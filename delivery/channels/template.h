/* template: an advertiser's own document, with the lead's values in its places.
 *
 * A template is a JSON object, as the order file has it. Its texts may hold places, {phone} or {phone|digits}; "{{" and "}}" are
 * braces. Numbers, truth values and texts without places are constants. A text that is one place and nothing else becomes a
 * JSON number or truth value where the lead's value is one; a member whose only place has no value is left out.
 *
 * Nothing of a lead is ever read as a template, as JSON or as a form: values go through the writer of the form that is sent. */
#ifndef PUNNET_DELIVERY_TEMPLATE_H
#define PUNNET_DELIVERY_TEMPLATE_H

#include "values.h"

#define TEMPLATE_DEPTH_MAX 8
#define TEMPLATE_TEXT_MAX  1024

/* How a text is written into what goes out. */
typedef void (*template_write_fn)(struct buf *out, struct slice text);

/* false, and says why with the member's name: unknown places or formats, too deep, or no flat object for a form. */
_must_use_ bool template_check(const struct json *root, enum body_form form, const char *path,
			       struct error *ret_error);
/* The same for one text. */
_must_use_ bool template_text_check(struct slice text, const char *path, struct error *ret_error);

/* The whole document. COMPOSE_NO_SECRET: a secret that it names is not there. */
_must_use_ enum compose template_write(struct buf *out, const struct json *root,
				       enum body_form form, const struct handover *h);
/* One text, each value of it through write (NULL: as it is). */
_must_use_ enum compose template_write_text(struct buf *out, struct slice text,
					    template_write_fn write, const struct handover *h);
/* Everything but letters, digits, '-', '.', '_' and '~' as %XX. */
void template_percent(struct buf *out, struct slice text);

#endif
