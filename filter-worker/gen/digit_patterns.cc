// digit_patterns: see digit_patterns.h. A pattern is read into a tree, and the tree built backwards into states: each piece
// knows what comes after it.
#include "digit_patterns.h"

#include <algorithm>
#include <stdexcept>

namespace
{
constexpr uint16_t kAnyDigit = 0x3ff;
constexpr int kForever = -1;
constexpr int kRepeatMax = 32;
} // namespace

struct DigitPatterns::Node {
	enum Kind { kDigits, kSequence, kChoice, kRepeat } kind;
	uint16_t digits = 0;
	std::vector<Node> parts;
	int least = 0, most = 0;
};

class DigitPatterns::Reader
{
      public:
	explicit Reader(const std::string &text) : text_(text)
	{
	}

	Node Whole()
	{
		Node node = Choice();

		if (at_ != text_.size())
			Refuse();
		return node;
	}

      private:
	[[noreturn]] void Refuse() const
	{
		throw std::invalid_argument("can't read \"" + text_ + "\" from character " +
					    std::to_string(at_));
	}

	bool Take(const std::string &what)
	{
		if (text_.compare(at_, what.size(), what) != 0)
			return false;
		at_ += what.size();
		return true;
	}

	int Digit()
	{
		if (at_ >= text_.size() || text_[at_] < '0' || text_[at_] > '9')
			Refuse();
		return text_[at_++] - '0';
	}

	int Number()
	{
		int number = Digit();

		while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' &&
		       number <= kRepeatMax)
			number = number * 10 + Digit();
		if (number > kRepeatMax)
			Refuse();
		return number;
	}

	Node Choice()
	{
		Node node = {Node::kChoice, 0, {}};

		do
			node.parts.push_back(Sequence());
		while (Take("|"));
		return node;
	}

	Node Sequence()
	{
		Node node = {Node::kSequence, 0, {}};

		while (at_ < text_.size() && text_[at_] != '|' && text_[at_] != ')')
			node.parts.push_back(Repeated(Atom()));
		return node;
	}

	Node Atom()
	{
		Node node = {Node::kDigits, 0, {}};

		if (Take("\\d")) {
			node.digits = kAnyDigit;
		} else if (Take("[")) {
			node.digits = Class();
		} else if (Take("(?:") || (text_.compare(at_, 2, "(?") != 0 && Take("("))) {
			node = Choice();
			if (!Take(")"))
				Refuse();
		} else {
			node.digits = uint16_t(1u << Digit());
		}
		return node;
	}

	uint16_t Class()
	{
		unsigned digits = 0;

		while (!Take("]")) {
			int from, to;

			if (Take("\\d")) {
				digits |= kAnyDigit;
				continue;
			}
			from = to = Digit();
			if (Take("-"))
				to = Digit();
			for (int digit = from; digit <= to; digit++)
				digits |= 1u << digit;
		}
		return uint16_t(digits);
	}

	Node Repeated(Node part)
	{
		Node node = {Node::kRepeat, 0, {part}};

		if (Take("?")) {
			node.most = 1;
		} else if (Take("*")) {
			node.most = kForever;
		} else if (Take("+")) {
			node.least = 1;
			node.most = kForever;
		} else if (Take("{")) {
			node.least = node.most = Number();
			if (Take(","))
				node.most = text_.compare(at_, 1, "}") == 0 ? kForever : Number();
			if (!Take("}") || (node.most != kForever && node.most < node.least))
				Refuse();
		} else {
			return part;
		}
		return node;
	}

	const std::string text_;
	size_t at_ = 0;
};

int DigitPatterns::Add(State state)
{
	states_.push_back(state);
	return int(states_.size()) - 1;
}

int DigitPatterns::Accept(int tag)
{
	return Add({State::kAccept, 0, tag, 0});
}

int DigitPatterns::BuildRepeat(const Node &node, int next)
{
	const Node &part = node.parts[0];
	int state = next;

	if (node.most == kForever) {
		int loop = Add({State::kSplit, 0, next, next});
		int body = Build(part, loop);

		states_[size_t(loop)].other = body;
		state = loop;
	}
	for (int i = node.least; i < node.most; i++)
		state = Add({State::kSplit, 0, Build(part, state), next});
	for (int i = 0; i < node.least; i++)
		state = Build(part, state);
	return state;
}

int DigitPatterns::Build(const Node &node, int next)
{
	int state = next;

	switch (node.kind) {
	case Node::kDigits:
		return Add({State::kDigits, node.digits, next, 0});
	case Node::kSequence:
		for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part)
			state = Build(*part, state);
		return state;
	case Node::kChoice:
		state = Build(node.parts[0], next);
		for (size_t i = 1; i < node.parts.size(); i++)
			state = Add({State::kSplit, 0, state, Build(node.parts[i], next)});
		return state;
	case Node::kRepeat:
		return BuildRepeat(node, next);
	}
	throw std::logic_error("no such node");
}

void DigitPatterns::Match(const std::string &pattern, int tag)
{
	begins_.push_back(Build(Reader(pattern).Whole(), Accept(tag)));
}

void DigitPatterns::MatchBeginning(const std::string &pattern, int tag)
{
	int loop = Add({State::kSplit, 0, Accept(tag), 0});
	int any = Add({State::kDigits, kAnyDigit, loop, 0});

	states_[size_t(loop)].other = any;
	begins_.push_back(Build(Reader(pattern).Whole(), loop));
}

void DigitPatterns::MatchBoth(const std::string &first, const std::string &second, int tag)
{
	int rest = Build(Reader(second).Whole(), Accept(tag));

	begins_.push_back(Build(Reader(first).Whole(), Add({State::kBridge, 0, rest, 0})));
}

void DigitPatterns::MatchThenLength(const std::string &first, uint32_t lengths, int tag)
{
	int accept = Accept(tag), rest = Accept(-1);

	for (int length = kRepeatMax - 1; length >= 0; length--) {
		if (lengths >> length & 1)
			rest = Add({State::kSplit, 0, rest, accept});
		if (length > 0)
			rest = Add({State::kDigits, kAnyDigit, rest, 0});
	}
	begins_.push_back(Build(Reader(first).Whole(), Add({State::kBridge, 0, rest, 0})));
}

// A bridge at the beginning is not crossed: what stands before it would be empty.
void DigitPatterns::Close(int state, bool over_bridges, std::set<int> *into) const
{
	const State &s = states_[size_t(state)];

	if (!into->insert(state).second)
		return;
	if (s.kind == State::kSplit) {
		Close(s.next, over_bridges, into);
		Close(s.other, over_bridges, into);
	} else if (s.kind == State::kBridge && over_bridges) {
		Close(s.next, over_bridges, into);
	}
}

// Splits have done their part.
DigitPatterns::States DigitPatterns::Kept(const std::set<int> &all) const
{
	States kept;

	for (int state : all)
		if (states_[size_t(state)].kind == State::kDigits ||
		    states_[size_t(state)].kind == State::kAccept)
			kept.push_back(state);
	return kept;
}

DigitPatterns::States DigitPatterns::Begin() const
{
	std::set<int> all;

	for (int begin : begins_)
		Close(begin, false, &all);
	return Kept(all);
}

DigitPatterns::States DigitPatterns::Step(const States &states, int digit) const
{
	std::set<int> all;

	for (int state : states) {
		const State &s = states_[size_t(state)];

		if (s.kind == State::kDigits && (s.digits >> digit & 1))
			Close(s.next, true, &all);
	}
	return Kept(all);
}

std::set<int> DigitPatterns::Tags(const States &states) const
{
	std::set<int> tags;

	for (int state : states)
		if (states_[size_t(state)].kind == State::kAccept)
			tags.insert(states_[size_t(state)].next);
	return tags;
}
