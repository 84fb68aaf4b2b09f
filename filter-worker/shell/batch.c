/* batch: see batch.h. */
#include "batch.h"

#include "proto/dead_letters.pb-c.h"
#include "runtime/fault.h"

/* What a dead letter adds to the original, and a record's headers to a message. */
#define ENVELOPE_BYTES 4096
#define OUT_MAX        ((size_t)1 << 30)

void batch_read(struct batch *b, struct item *item)
{
	const struct bus_record *r = item->record;
	const Punnet__V1__RawLead *raw;

	item->kind = ITEM_POISON;
	if (r->type.len > 0 && !slice_is(r->type, codec_type(&punnet__v1__raw_lead__descriptor))) {
		item->fault = "the record is another message";
		return;
	}
	raw = codec_unpack(&b->arena, &punnet__v1__raw_lead__descriptor, r->value);
	if (!raw) {
		item->fault = "the record can't be unpacked";
		return;
	}
	item->lead =
	    (struct desk_lead){.raw = raw,
			       .partition = (uint32_t)r->partition,
			       .raw_offset = fault_on("records_alike") ? 0 : (uint64_t)r->offset};
	item->fault = raw_lead_fault(raw);
	if (!item->fault)
		item->kind = ITEM_LEAD;
}

size_t batch_unjudged(struct batch *b, struct desk_lead *ret_leads[DESK_LEADS_MAX],
		      struct item *ret_items[DESK_LEADS_MAX])
{
	size_t count = 0;

	for (size_t i = b->next; i < b->count; i++) {
		if (b->items[i].kind != ITEM_LEAD || b->items[i].packed)
			continue;
		ret_items[count] = &b->items[i];
		ret_leads[count++] = &b->items[i].lead;
	}
	return count;
}

static struct provenance source_of(const struct item *item)
{
	return (struct provenance){
	    .topic = "leads.raw",
	    .partition = (uint32_t)item->record->partition,
	    .offset = (uint64_t)item->record->offset,
	};
}

static void begin(struct batch *b, struct item *item)
{
	b->out.max = OUT_MAX;
	item->out_at = b->out.len;
}

static void end(struct batch *b, struct item *item)
{
	assert(!b->out.failed);
	item->out_len = b->out.len - item->out_at;
	item->packed = true;
}

void batch_pack_lead(struct batch *b, struct item *item, const struct ruleset *rs)
{
	struct provenance source = source_of(item);

	begin(b, item);
	judged_record_write(item->lead.raw, item->record->value, &source, rs, &item->lead.facts,
			    &item->lead.judgement, item->lead.lists, &b->out);
	end(b, item);
	if (item->out_len + item->record->key.len + ENVELOPE_BYTES <= BUS_RECORD_MAX_BYTES)
		return;
	b->out.len = item->out_at;
	item->packed = false;
	item->kind = ITEM_POISON;
	item->fault = "the verdict with its facts does not fit a record";
}

static ProtobufCBinaryData cut(struct slice s, size_t most)
{
	return (ProtobufCBinaryData){.len = MIN_OF(s.len, most), .data = (uint8_t *)s.data};
}

void batch_pack_poison(struct batch *b, struct item *item, int64_t now_ms)
{
	const struct bus_record *r = item->record;
	struct provenance source = source_of(item);
	Punnet__V1__Provenance where = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;

	provenance_fill(&source, &where);
	m.source = &where;
	if (item->lead.raw && item->lead.raw->lead_id.len == sizeof(struct lead_id))
		m.lead_id = item->lead.raw->lead_id;
	m.original = cut(r->value, BUS_RECORD_MAX_BYTES - 2 * ENVELOPE_BYTES);
	m.original_key = cut(r->key, ENVELOPE_BYTES / 2);
	/* A header is bytes, a text field is UTF-8: what is not would make the dead letter unreadable too. */
	m.original_type = r->type.len <= ENVELOPE_BYTES / 4 && slice_utf8_valid(r->type) &&
				  !memchr(r->type.data ? r->type.data : "", '\0', r->type.len)
			      ? arena_cstr(&b->arena, r->type)
			      : (char *)"";
	m.service = (char *)"filter-worker";
	m.reason_code = (char *)"unreadable";
	m.reason = (char *)item->fault;
	m.attempts = 1;
	m.at_ms = now_ms;
	begin(b, item);
	codec_pack(&m.base, &b->out);
	end(b, item);
}

void batch_drop_partition(struct batch *b, int32_t partition)
{
	for (size_t i = b->next; i < b->count; i++) {
		if (b->items[i].record->partition == partition)
			b->items[i].kind = ITEM_GONE;
	}
}

void batch_reset(struct batch *b)
{
	b->count = 0;
	b->next = 0;
	arena_reset(&b->arena);
	buf_reset(&b->out);
}

void batch_free(struct batch *b)
{
	arena_free(&b->arena);
	buf_free(&b->out);
}
