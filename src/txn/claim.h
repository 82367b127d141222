// Claims: queues for what a transaction was shown and may rely on. A claim is on a row (or its absence), on the values
// of a unique index, on a table, or on a number of the client's (advisory locks): one mechanism, one table, one queue
// for each.
//
//               claim_take: free                     claims_release
//    (none) --------------------------> holding ----------------------> (none)
//       |  claim_take: somebody else's     ^
//       +-----------> waiting -------------+  granted when those before it are gone: it stands in the ready list
//                        |  gives way in a deadlock: the ready list, with 40P01 if it holds anything
//                        +  claim_cancel
//
// 1. Whoever holds conflicts with nobody else who holds. Those who wait are served first come, first served; but who
//    holds some of a claim and asks for more of it goes before them.
// 2. A claimant waits for one claim at most. A one-shot (an atom that is to be tried again) holds nothing while it
//    waits; what it waited for it holds until it is over, or waits for something else.
//    They run one at a time and to their end, so they pass over what others like them hold or wait for: if they handed on
//    what they hold to wait for each other, they might do so for ever.
// 3. A soft claim is on a row that was only read, because others have failed on it lately (txn/heat.h). Nobody waits for it
//    longer than LIMIT_SOFT_HOLD_MS, streams, NOWAIT and SKIP LOCKED not at all, and nobody longer than LIMIT_SOFT_WAIT_MS to get one; in a circle
//    of those who wait it is broken, or not waited for any more, before anybody fails.
// 4. Correctness never rests on a claim: what was promised is checked at COMMIT. A claim only saves it from failing.
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "table/change.h"
#include "table/claimer.h"

enum claim_kind { CLAIM_ON_ROW = 'R', CLAIM_ON_TABLE = 'T', CLAIM_ON_NUMBER = 'A' };

struct claim_tag {
  enum claim_kind kind;
  tree_number tree;  // ON_ROW, ON_TABLE: the primary tree, or a unique index's
  struct bytes key;  // ON_ROW: of the row; ON_NUMBER: the client's number
};

struct claim;

// One who claims: embedded in a session or a source.
struct claimant {
  uint64_t age;          // the smaller, the older: the youngest of a deadlock gives way
  void *owner;           // whoever embeds it
  bool is_source;        // what that is
  struct hold *holds;    // newest first
  size_t hold_count;
  struct claim *waits_for; // NULL: nothing
  enum claim_mode wanted_mode;
  struct hold *wanted;   // what it gets then
  struct claimant *next_waiting; // in the claim's queue
  tree_number shared_table;      // the last table whose rows it claimed
  struct claimant *next_ready;
  bool is_ready;         // in the ready list
  bool is_broken;        // something that it held was taken away
  bool is_victim;        // of a deadlock: what it waited for is not granted
  bool has_given_up;     // to wait for a soft claim: it is to go on without
  uint32_t stamp;        // of the search for deadlocks
};

struct claims {
  struct memory_account *account;
  struct map map;        // encoded tag -> claim
  struct map prefixes;   // unique index's tree and size of its claimed keys -> struct prefix
  struct claimant *first_ready, *last_ready;
  uint32_t stamp;
  size_t table_claims;   // held in modes that keep others from changing rows
  int64_t now;           // microseconds; the owner keeps it
  struct hold *soft_barrier;     // of the circle that was found
  struct claimant *soft_waiting; // likewise
  struct { uint64_t waits, deadlocks, broken; } counts;
};

void claims_init(struct claims *claims, struct memory_account *account);
void claims_deinit(struct claims *claims); // all must have been released

struct claim_request {
  struct claim_tag tag;
  enum claim_mode mode;
  enum claim_wait wait;
  bool is_prefix;  // ON_ROW: the key is that of a unique index, without the primary key
  bool is_session; // kept beyond the transaction
  bool is_one_shot; // not to be held if it is free; nor is anything else while it waits
  bool is_soft;
};
// 0: held (if it was before, it counts once more). CLAIM_SKIPPED, CLAIM_REFUSED. STATUS_WAIT: it stands in the queue.
// 40P01, 53200.
int claim_take(struct claims *claims, struct claimant *claimant, const struct claim_request *request, struct error *error);
// Gives one of its own back. False: it has none.
bool claim_give(struct claims *claims, struct claimant *claimant, const struct claim_request *request);
// Gives back all numbers of the session.
void claims_give_numbers(struct claims *claims, struct claimant *claimant);
// Gives back what it holds, that of the session too or not; it waits on for what it waits for.
void claims_let_go(struct claims *claims, struct claimant *claimant, bool of_session);
// The same, and does not wait any more.
void claims_release(struct claims *claims, struct claimant *claimant, bool of_session);
void claim_cancel(struct claims *claims, struct claimant *claimant);

// Do soft claims stand before the waiting claimant, or is it one for which it waits?
bool claim_waits_softly(const struct claimant *claimant);
// Its patience is at its end: the soft claims that stand before it and are old enough are broken; gives_up: or it waits no
// more if it is for a soft claim itself.
void claim_lose_patience(struct claims *claims, struct claimant *claimant, bool gives_up);

// Does the change list touch what others have claimed? 0: no. STATUS_WAIT: the claimant stands in the queue of the first
// such claim. 40P01, 53200.
int claims_pass(struct claims *claims, struct claimant *claimant, bool is_one_shot, const struct change_list *changes,
                struct error *error);
// Takes away what others have claimed of it.
void claims_break(struct claims *claims, const struct change_list *changes);

// What the one gets that gives way: 40P01.
int claim_deadlock(struct error *error);
// Puts one that waits for nothing among them.
void claims_make_ready(struct claims *claims, struct claimant *claimant);
// The next of those who need not wait any more; NULL: none. It stands in no queue then.
struct claimant *claims_next_ready(struct claims *claims);

// For pg_locks: walk with *at = 0 and *hold = NULL; false behind the last.
struct claim_view {
  struct claim_tag tag;
  enum claim_mode mode;
  const struct claimant *claimant;
  bool is_held; // else waited for
};
struct claim_walk {
  size_t at;
  const struct claim *claim;
  const struct hold *hold;
  const struct claimant *waiting;
};
bool claims_next(const struct claims *claims, struct claim_walk *walk, struct claim_view *view);
// What it waits for, borrowed while it does. False: nothing.
bool claim_awaited(const struct claimant *claimant, struct claim_tag *tag);
// Who holds what the waiting claimant waits for, the first of them; NULL: nobody.
const struct claimant *claim_blocker(const struct claimant *claimant);
