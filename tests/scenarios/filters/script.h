/* script: a filter scenario as text.
 *
 *     rules       phone_duplicate {scope: vertical, window: 90d}     one filter a line; none: the standard rule set
 *     reject_at   60                   (and quarantine_at, scopes: as in a rule file)
 *     suppressed  +79161234567 do_not_call
 *     verdicts    w1 osago 40/3        (approved and returned leads of a webmaster)
 *     list        disposable_domains mailinator.com      an entry of a list, see named_lists_build.h
 *     list        customers +79161234567 bank-a          or an e-mail; the fingerprint is made here
 *     lists       compiled                               all that set-up and the build made, instead
 *     mail_domain example.org none     (mx, address_only, none, null_mx): what the DNS says; of domains not named, nothing
 *     network     203.0.113.0/24 country=RU asn=64500 network=hosting      see ip_table.h; without such lines no address is known
 *     agents                           user agents are known, from open data and rules/agents.txt
 *     2026-12-01 10:00  lead A  credit_card  +7 916 123-45-67  email=a@b.ru filled=1.5s honeypot  -> accepted
 *
 * A lead line: date, time (UTC, seconds and fractions may follow), its name, the vertical, the phone as typed, then words:
 *   email= name= first= middle= last= ip= country= os= language= ua=   as typed; NAME="…" where there is a space in it
 *   from= (webmaster)  key= (idempotency)  field=NAME:TEXT (one of the vertical's own)
 *   device=  sub1=  city=  postal= (code)
 *   filled=1.5s  honeypot  honeypot-empty  consent-text (its hash is given)
 *   clicked=3m  consented=2d  started=20s (the form): so long before the lead; negative: after it
 *   pasted=phone,email  focused=name
 * and remarks in parentheses: (no phone); (redelivered): the named lead again, as it was;
 * (stored twice): the same, at another offset of the log; (contact destroyed): it can't be opened.
 * (50 times, every 30s): a lead each, see repeat.h.
 * After the arrow: accepted, rejected or quarantined and exactly the reasons, in order, code(LEAD) when about a lead; score=N; or
 * FILTER pass|hit|unknown for one filter's answer. # begins a comment. */
#ifndef PUNNET_FILTER_SCRIPT_H
#define PUNNET_FILTER_SCRIPT_H

#include "base/map.h"
#include "filter-worker/core/ip_data.h"
#include "filter-worker/core/named_lists_build.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/lists_open.h"
#include "filter-worker/shell/mx.h"
#include "filter-worker/shell/suppressions.h"

#define SCRIPT_LEADS_MAX 500

struct script_lead {
	int line;
	struct slice name;
	struct slice expected; /* after the arrow */
	Punnet__V1__RawLead *raw;
	uint64_t raw_offset;
	Punnet__V1__Contact *contact;
	struct desk_lead desk;
};

struct script {
	const char *file;
	struct arena arena;
	struct buf rules_text;
	struct ruleset rules;
	struct suppressions *suppressions;
	struct verdict_book *verdicts;
	struct named_lists_builder *list_builder; /* NULL: the script names no lists */
	struct buf list_bytes;
	struct named_lists *own_lists;
	struct lists_holder *compiled_lists;
	struct mx *mx; /* NULL: no line names a domain */
	struct ip_table networks;
	struct ip_data ip;
	struct agents *agents;
	struct lists lists;
	struct script_lead leads[SCRIPT_LEADS_MAX];
	size_t count;
	struct map names; /* lead's name → first script_lead of that name */
	int line;
	int faults; /* said on standard error, with file:line */
};

/* false: the file can't be read or a line not be understood; said already. */
bool script_load(struct script *s, const char *path);
void script_free(struct script *s);
void script_fault(struct script *s, int line, const char *fmt, ...) _printf_(3, 4);

#endif
