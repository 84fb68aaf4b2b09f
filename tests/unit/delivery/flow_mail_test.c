/* Leads by e-mail, through a real mail server with STARTTLS: what arrives there, what each of its answers leads to, and digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/bus_memory.h"
#include "runtime/clock.h"

#define MAILS_MAX_BYTES 65536

struct post {
	struct world w;
	struct hostile server;
	char relay[64], ca[128], login[128], out[128], mails[MAILS_MAX_BYTES];
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void post_open(struct post *p, bool plain)
{
	char cert[128], key[128];
	char *argv[] = {(char *)"/usr/bin/python3",
			(char *)"tests/unit/delivery/smtp.py",
			cert,
			key,
			p->out,
			plain ? (char *)"plain" : NULL,
			NULL};

	world_open(&p->w);
	hostile_certificate(p->w.files_dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", p->w.files_dir);
	snprintf(key, sizeof(key), "%s/key.pem", p->w.files_dir);
	snprintf(p->out, sizeof(p->out), "%s/mails", p->w.files_dir);
	snprintf(p->login, sizeof(p->login), "%s/login", p->w.files_dir);
	memcpy(p->ca, cert, sizeof(p->ca));
	write_file(p->login, "punnet:open sesame\n");
	write_file(p->out, "");
	p->server = hostile_start_other(argv);
	snprintf(p->relay, sizeof(p->relay), "smtp://localhost:%d", p->server.port);
	p->w.settings.mail_relay = p->relay;
	p->w.settings.mail_from = "leads@network.example";
	p->w.settings.mail_login_file = p->login;
	p->w.settings.ca_file = p->ca;
	p->w.settings.connect_timeout_ms = 10000;
}

static void post_close(struct post *p)
{
	hostile_stop(&p->server);
	world_close(&p->w);
}

/* All that the server took, a line of JSON a message. */
static const char *mails(struct post *p)
{
	FILE *f = fopen(p->out, "re");
	size_t len;

	assert_non_null(f);
	len = fread(p->mails, 1, sizeof(p->mails) - 1, f);
	p->mails[len] = 0;
	fclose(f);
	return p->mails;
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (text = strstr(text, part); text; text = strstr(text + 1, part))
		count++;
	return count;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

static void a_lead_arrives_as_text_and_html_over_tls(_unused_ void **state)
{
	struct routed lead = {1, NULL, "bank-a", SEALING_DAY,
			      "{\"email\":{\"to\":[\"leads@bank.example\",\"boss@bank.example\"],"
			      "\"subject\":\"Заявка {name} <\\r\\nBcc: "
			      "x@y.example>\",\"fields\":{\"Phone\":\"{phone}\",\"Имя\":\"{name}\","
			      "\"Nothing\":\"{city}\"}}}"};
	struct post p;
	const char *text;

	/* a subject with a line break is refused at once; without it the rest stands */
	post_open(&p, false);
	open_delivery(&p.w);
	route(&p.w, &lead, NULL);
	turn_until(&p.w, "leads.outcomes", 1);
	assert_string_equal(mails(&p), "");
	lead.lead = 2;
	lead.settings = "{\"email\":{\"to\":[\"leads@bank.example\",\"boss@bank.example\"],"
			"\"subject\":\"Заявка {name}, "
			"телефон {phone}\",\"fields\":{\"Phone\":\"{phone}\",\"Имя "
			"<b>\":\"{name}\",\"Nothing\":\"{city}\"}}}";
	route(&p.w, &lead, NULL);
	turn_until(&p.w, "leads.outcomes", 2);
	text = mails(&p);
	expect(text, "\"tls\": true, \"login\": \"punnet\", \"from\": \"leads@network.example\"");
	expect(text, "\"to\": [\"leads@bank.example\", \"boss@bank.example\"]");
	expect(text, "\"headers\": [\"Auto-Submitted\", \"Content-Type\", \"Date\", \"From\", "
		     "\"MIME-Version\", "
		     "\"Message-ID\", \"Subject\", \"To\"]");
	expect(text, "\"subject\": \"Заявка Иван Петров, телефон +79161234567\"");
	expect(text, ".0@network.example>\"");
	expect(text, "\"text\": \"Phone: +79161234567\\r\\nИмя <b>: Иван Петров\\r\\n\\r\\n\"");
	expect(text, "<tr><th>Имя &lt;b&gt;</th><td>Иван Петров</td></tr>");
	post_close(&p);
}

static void each_answer_of_the_relay_leads_to_its_outcome(_unused_ void **state)
{
#define TO(mailbox) "{\"email\":{\"to\":[\"" mailbox "@bank.example\"],\"timeout_ms\":30000}}"
	static const struct {
		const char *settings;
		Punnet__V1__OutcomeKind kind;
		const char *reason;
		uint32_t attempts;
	} rows[] = {
	    {TO("leads"), PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 1},
	    {TO("nobody"), PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, "mail_refused", 1},
	    {TO("full"), PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE, "advertiser_busy", 3},
	    {TO("later"), PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 2},
	    /* the last byte was out and no word came: sent again, under the same id */
	    {"{\"email\":{\"to\":[\"silent@bank.example\"],\"timeout_ms\":5000}}",
	     PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 2},
	};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct post p;

	post_open(&p, false);
	open_delivery(&p.w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct routed lead = {(uint8_t)(i + 1), NULL, "bank-a", SEALING_DAY,
				      rows[i].settings};

		route(&p.w, &lead, NULL);
	}
	turn_until(&p.w, "leads.outcomes", ARRAY_LEN(rows));
	read_topic(&p.w, "leads.outcomes", seen_outcome, o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct seen *s = outcome_of_lead(o, (uint8_t)(i + 1));
		/* a slow machine may let the second try of the silent one run out, too */
		uint32_t slack = i + 1 == ARRAY_LEN(rows);

		if (s->kind != rows[i].kind || strcmp(s->reason, rows[i].reason) != 0 ||
		    s->attempts < rows[i].attempts || s->attempts > rows[i].attempts + slack)
			fail_msg("row %zu: kind %d, reason %s, attempts %u", i, (int)s->kind,
				 s->reason, s->attempts);
	}
	read_topic(&p.w, "leads.attempts", seen_attempt, NULL);
	assert_true(count_of(mails(&p), "silent@bank.example") >= 2);
	free(o);
	post_close(&p);
}

static void without_tls_or_a_relay_nothing_is_sent(_unused_ void **state)
{
	static const struct {
		const char *relay, *reason;
		bool plain;
	} rows[] = {
	    {NULL, "advertiser_unreachable", false}, /* the relay speaks no TLS */
	    {"", "credential_missing", false},
	    {NULL, "", true}, /* a local relay, by explicit setting */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct routed lead = {1, NULL, "bank-a", SEALING_DAY, TO("leads")};
		struct outcomes *o = calloc(1, sizeof(*o));
		struct post p;

		post_open(&p, true);
		if (rows[i].relay)
			p.w.settings.mail_relay = rows[i].relay;
		p.w.settings.mail_plain = rows[i].plain;
		p.w.settings.mail_login_file = "";
		open_delivery(&p.w);
		route(&p.w, &lead, NULL);
		turn_until(&p.w, "leads.outcomes", 1);
		read_topic(&p.w, "leads.outcomes", seen_outcome, o);
		assert_string_equal(outcome_of_lead(o, 1)->reason, rows[i].reason);
		assert_int_equal(count_of(mails(&p), "\"tls\": false"), rows[i].plain);
		free(o);
		post_close(&p);
	}
}

static int64_t yesterday(_unused_ void *ctx)
{
	return clock_now_ms() - MS_PER_DAY;
}

static int64_t today(_unused_ void *ctx)
{
	return clock_now_ms();
}

static void leads_of_an_interval_go_out_together_and_share_one_answer(_unused_ void **state)
{
	static const char settings[] =
	    "{\"email\":{\"to\":[\"later@bank.example\"],\"digest\":{\"every_minutes\":60}}}";
	struct outcomes *o = calloc(1, sizeof(*o));
	struct post p;

	post_open(&p, false);
	p.w.settings.retry = (struct retry_plan){.count = 1, .wait_ms = {1}, .longest_ms = 1};
	open_delivery(&p.w);
	/* their interval is over: all are due */
	bus_memory_set_clock(p.w.bus, yesterday, NULL);
	for (uint8_t i = 1; i <= 5; i++) {
		struct routed lead = {(uint8_t)(2 * i), NULL, "bank-a", SEALING_DAY, settings};

		route(&p.w, &lead, NULL);
	}
	/* this one's is not, and another order's lead goes alone */
	bus_memory_set_clock(p.w.bus, today, NULL);
	route(&p.w,
	      &(struct routed){100, NULL, "bank-a", SEALING_DAY,
			       "{\"email\":{\"to\":[\"later@bank.example\"],\"digest\":{\"every_"
			       "minutes\":1440}}}"},
	      NULL);
	route(&p.w, &(struct routed){102, NULL, "bank-a", SEALING_DAY, TO("leads")}, NULL);
	turn_until(&p.w, "leads.outcomes", 6);
	read_topic(&p.w, "leads.outcomes", seen_outcome, o);
	/* refused for now at first, all of them; then taken, all of them: two messages, one of which the server kept */
	for (uint8_t i = 1; i <= 5; i++) {
		assert_int_equal(outcome_of_lead(o, (uint8_t)(2 * i))->kind,
				 PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED);
		assert_int_equal(outcome_of_lead(o, (uint8_t)(2 * i))->attempts, 2);
	}
	assert_int_equal(count_of(mails(&p), "\"subject\""), 2);
	assert_int_equal(count_of(mails(&p), "(+4)"), 1);
	assert_int_equal(count_of(mails(&p), "Lead: "), 6);
	read_topic(&p.w, "leads.attempts", seen_attempt, NULL);
	assert_int_equal(read_topic(&p.w, "leads.attempts", NULL, NULL), 11);
	free(o);
	post_close(&p);
}

static int64_t the_day_before(_unused_ void *ctx)
{
	return clock_now_ms() - 2 * MS_PER_DAY;
}

static void each_interval_has_a_message_of_its_own(_unused_ void **state)
{
	static const char settings[] =
	    "{\"email\":{\"to\":[\"leads@bank.example\"],\"digest\":{\"every_minutes\":60}}}";
	struct post p;

	post_open(&p, false);
	open_delivery(&p.w);
	for (uint8_t i = 1; i <= 5; i++) {
		struct routed lead = {(uint8_t)(2 * i), NULL, "bank-a", SEALING_DAY, settings};

		bus_memory_set_clock(p.w.bus, i <= 2 ? the_day_before : yesterday, NULL);
		route(&p.w, &lead, NULL);
	}
	turn_until(&p.w, "leads.outcomes", 5);
	assert_int_equal(count_of(mails(&p), "\"subject\""), 2);
	assert_int_equal(count_of(mails(&p), "(+1)"), 1);
	assert_int_equal(count_of(mails(&p), "(+2)"), 1);
	post_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lead_arrives_as_text_and_html_over_tls),
	    cmocka_unit_test(each_answer_of_the_relay_leads_to_its_outcome),
	    cmocka_unit_test(without_tls_or_a_relay_nothing_is_sent),
	    cmocka_unit_test(each_interval_has_a_message_of_its_own),
	    cmocka_unit_test(leads_of_an_interval_go_out_together_and_share_one_answer),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
