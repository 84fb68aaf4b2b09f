/* verdicts: everything that an advertiser said about leads, and what became of it: nothing is dropped in silence. */
#include "base/ids.h"
#include "base/timefmt.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

/* A verdict that was ignored is in `ignored` under its own place in the log; a repeat is there alone. */
static const char verdicts_sql[] =
    "SELECT v.at_ms, v.lead_id, v.event, v.verdict_id, v.reason_code, v.standing, "
    "COALESCE(i.reason, ''), "
    "v.partition, v.log_offset FROM verdicts v LEFT JOIN ignored i ON i.partition = v.partition "
    "AND "
    "i.log_offset = v.log_offset WHERE v.advertiser_id = $1 AND v.at_ms >= $2 AND v.at_ms < $3 "
    "UNION ALL SELECT i.at_ms, i.lead_id, i.event, i.verdict_id, '', 3, i.reason, i.partition, "
    "i.log_offset "
    "FROM ignored i WHERE i.advertiser_id = $1 AND i.verdict_id <> '' AND i.at_ms >= $2 AND "
    "i.at_ms < $3 "
    "AND NOT EXISTS (SELECT 1 FROM verdicts v WHERE v.lead_id = i.lead_id AND v.partition = "
    "i.partition AND "
    "v.log_offset = i.log_offset) ORDER BY 1, 8, 9";

struct writing {
	FILE *out;
	enum report_format format;
};

static const char *standing_name(int64_t standing)
{
	static const char *const names[] = {"waits", "counted", "recorded", "ignored"};

	return standing >= 0 && standing < (int64_t)ARRAY_LEN(names) ? names[standing] : "?";
}

static void write_verdict(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct writing *w = ctx;
	const char *event = life_event_name((enum life_event)c[2].integer);
	char at[TIME_TEXT_LEN + 1], lead[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id = {0};

	(void)lead_id_from_bytes(c[1].bytes.data, c[1].bytes.len, &id);
	lead_id_text(&id, lead);
	time_text(c[0].integer, at);
	if (w->format == REPORT_TEXT) {
		fprintf(w->out, "%s  %s  %-11s %-9s " SLICE_FMT, at, lead, event,
			standing_name(c[5].integer), SLICE_ARG(c[6].bytes));
		fprintf(w->out, "%s" SLICE_FMT "\n", c[4].bytes.len ? "  reason " : "",
			SLICE_ARG(c[4].bytes));
		return;
	}
	if (w->format == REPORT_CSV) {
		fprintf(w->out, "%s,%s,%s,", at, lead, event);
		write_csv_text(w->out, c[3].bytes);
		fputc(',', w->out);
		write_csv_text(w->out, c[4].bytes);
		fprintf(w->out, ",%s," SLICE_FMT "\n", standing_name(c[5].integer),
			SLICE_ARG(c[6].bytes));
		return;
	}
	fprintf(w->out, "{\"at\":\"%s\",\"lead_id\":\"%s\",\"verdict\":\"%s\",", at, lead, event);
	write_json_text(w->out, "verdict_id", c[3].bytes);
	fputc(',', w->out);
	write_json_text(w->out, "reason_code", c[4].bytes);
	fprintf(w->out, ",\"became\":\"%s\",\"why\":\"" SLICE_FMT "\"}\n",
		standing_name(c[5].integer), SLICE_ARG(c[6].bytes));
}

enum result report_verdicts(struct store *s, const char *advertiser_id,
			    const struct report_period *period, enum report_format format,
			    FILE *out, struct error *ret_error)
{
	struct db_value params[] = {db_text(advertiser_id), db_int(period->from_ms),
				    db_int(period->to_ms)};
	struct writing w = {out, format};

	if (format == REPORT_CSV)
		fputs("at,lead_id,verdict,verdict_id,reason_code,became,why\n", out);
	return db_ask(store_db(s), verdicts_sql, params, ARRAY_LEN(params), write_verdict, &w,
		      ret_error);
}
