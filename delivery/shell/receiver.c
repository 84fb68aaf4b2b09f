/* receiver: see receiver.h. */
#include "receiver.h"

#include <string.h>

#include "lead/codec.h"

static bool of_entry(const Punnet__V1__DirectoryEntry *e, struct receiver *ret)
{
	ret->entry_id = e->id;
	switch (e->entry_case) {
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER:
		ret->postbacks = e->webmaster->postbacks;
		ret->count = e->webmaster->n_postbacks;
		ret->sealed_secret = codec_bytes(e->webmaster->sealed_secret);
		return true;
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER:
		ret->postbacks = e->advertiser->alerts;
		ret->count = e->advertiser->n_alerts;
		ret->sealed_secret = codec_bytes(e->advertiser->sealed_secret);
		return true;
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR:
		ret->postbacks = e->operator_->alerts;
		ret->count = e->operator_->n_alerts;
		ret->sealed_secret = codec_bytes(e->operator_->sealed_secret);
		return true;
	default:
		return false;
	}
}

bool receiver_of(const struct directory *d, const char *name, struct receiver *ret)
{
	static const char *const kinds[] = {"advertiser", "operator"};
	const Punnet__V1__DirectoryEntry *e;
	const char *slash = strchr(name, '/');

	if (!slash) {
		e = directory_get(d, "webmaster", slice_cstr(name));
		return e && of_entry(e, ret);
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!slice_is(slice_of(name, (size_t)(slash - name)), kinds[i]))
			continue;
		e = directory_get(d, kinds[i], slice_cstr(slash + 1));
		return e && of_entry(e, ret);
	}
	return false;
}

const Punnet__V1__Postback *receiver_wants(const struct receiver *r, Punnet__V1__StatusKind kind)
{
	const char *name = postback_event_name(kind);

	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->postbacks[i]->n_events; k++)
			if (strcmp(r->postbacks[i]->events[k], name) == 0)
				return r->postbacks[i];
	return NULL;
}

const Punnet__V1__Postback *receiver_wants_alert(const Punnet__V1__DirectoryEntry *e,
						 Punnet__V1__StatusKind kind)
{
	struct receiver r;

	if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER || !of_entry(e, &r))
		return NULL;
	return receiver_wants(&r, kind);
}
