/* mx_notes: see mx_notes.h. */
#include "mx_notes.h"

#define PURPOSE     "mx"
#define PURPOSE_LEN 2
#define KEY_LEN     (PURPOSE_LEN + FINGERPRINT_LEN)

_Static_assert(MX_IN_FLIGHT_MAX <= KV_NOTES_MAX && KEY_LEN <= KV_KEY_MAX, "the kv takes them");

static void fill(const struct mx_note *note, char key[KEY_LEN], struct kv_note *ret)
{
	memcpy(key, PURPOSE, PURPOSE_LEN);
	memcpy(key + PURPOSE_LEN, note->key, FINGERPRINT_LEN);
	*ret = (struct kv_note){
	    .key = slice_of(key, KEY_LEN), .value = note->mail, .ttl_ms = note->ttl_ms};
}

static void get(void *ctx, struct mx_note *notes, size_t count)
{
	char keys[MX_IN_FLIGHT_MAX][KEY_LEN];
	struct kv_note asked[MX_IN_FLIGHT_MAX];

	for (size_t i = 0; i < count; i++)
		fill(&notes[i], keys[i], &asked[i]);
	kv_notes_get(ctx, asked, count);
	for (size_t i = 0; i < count; i++)
		notes[i].mail = asked[i].value;
}

static void put(void *ctx, const struct mx_note *notes, size_t count)
{
	char keys[MX_IN_FLIGHT_MAX][KEY_LEN];
	struct kv_note told[MX_IN_FLIGHT_MAX];

	for (size_t i = 0; i < count; i++)
		fill(&notes[i], keys[i], &told[i]);
	kv_notes_put(ctx, told, count);
}

struct mx_notes mx_notes_in(struct kv *kv)
{
	return (struct mx_notes){.get = get, .put = put, .ctx = kv};
}
