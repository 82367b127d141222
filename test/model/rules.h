// The rules of transactions as a state machine small enough to look at all of it: a trunk of a few rows, clients with
// branches or one-shots, a stream, claims and their queues. One call of `world_step` is one thing that one party does;
// the explorer tries them in every order.
//
//                      a claim is somebody else's           served            moved, the same again
//   RUNNING (step at) ---------------------------> WAITING --------> READY ------------------------> RUNNING
//      |  the claim is of a row that has changed since ----------------^         a reply differs: 40001
//      |  commit ------------------------------------------------------------------------------------> DONE
//      +  40001, 40P01: from the start, with its age, claiming what it reads
//
// 1. A world is plain bytes without padding: two of equal bytes are the same.
// 2. What a step finds wrong with the rules it adds to world.wrong; what the client is told of failures to world.told.
#pragma once

#include "statements.h"

enum { CLIENTS = 3, STREAM = CLIENTS, PARTIES, STREAM_ROWS = 2, MANY_FAILURES = 2 };

// Faults put in on purpose: each must be found.
enum fault {
  FAULT_NONE,
  FAULT_RELEASED_EARLY,    // claims end with their statement
  FAULT_NOT_MOVED,         // a claim is granted to a branch that stands where it stood
  FAULT_STALE_NOT_MOVED,   // …the same where the claim was free
  FAULT_REPLIES_IGNORED,   // COMMIT runs the script again and does not compare
  FAULT_ADOPTED_BEHIND,    // adopts although the trunk has moved
  FAULT_RANGE_MISSED,      // repair: SUM has read the first row only
  FAULT_CHANGES_MISSED,    // repair: rows that came out otherwise are not dirty for later statements
  FAULT_FILTER_OUTSIDE,    // repair: the WHERE is asked of base and trunk, not of the rows as the statement sees them
  FAULT_ROWS_APPLIED,      // repair: whole rows are applied, not the columns that were set
  FAULT_COMMIT_BARGES,     // COMMIT does not look at others' claims
  FAULT_ONE_SHOT_BARGES,   // one-shots do not look at others' claims
  FAULT_COMMIT_NOT_IN_GRAPH, // a parked COMMIT is not in the deadlock graph
  FAULT_NO_DEADLOCKS,      // nobody looks for deadlocks
  FAULT_NOT_SERVED,        // an end of a transaction leaves those who wait asleep
  FAULT_CLAIM_LEFT,        // a transaction's end leaves its claims
  FAULT_STREAM_PATIENT,    // the stream waits as long as it takes
  FAULT_HOLDER_QUEUES,     // who holds a claim and asks for more stands behind those who wait for it
  FAULT_SAME_UNCLAIMED,    // a row that was changed to what it was before is shown without a claim
  FAULT_NOT_EAGER,         // who has failed claims no more than others
  FAULT_ABSENCE_UNCLAIMED, // …claims the rows that it reads, but not that there are none
  FAULT_BROKEN_GOES_ON,    // whose claim a stream has broken claims and waits as if it had not
  FAULT_ONE_SHOT_FAILS,    // a one-shot in a circle is told so
  FAULTS
};

enum wrong {
  WRONG_SERIAL = 1,    // a commit is not a run of its statements there and then
  WRONG_SNAPSHOT = 2,  // a transaction that only reads saw what never was
  WRONG_REPAIR = 4,    // the fast form came to another end than the plain one
  WRONG_STUCK = 8,     // nobody can go on
  WRONG_ENDLESS = 16,  // somebody may go on forever
  WRONG_LEFT = 32,     // a claim outlives its transaction
  WRONG_HOLDERS = 64,  // two hold what only one may
  WRONG_STREAM = 128,  // the stream has waited for too long
  WRONG_ONE_SHOT = 256, // a single statement is told 40001 or 40P01
  WRONG_RETRY = 512,   // 40001 where the rules promise none
  WRONG_DEADLOCK = 1024, // 40P01 where nobody waits in a circle
  WRONG_STARVED = 2048,  // beside others that never end, the first client fails again after it has failed
};

enum told { TOLD_40001 = 1, TOLD_40P01 = 2 };

struct setup {
  struct script scripts[CLIENTS]; // count 0: no such client
  bool is_one_shot[CLIENTS];
  row start[ROWS];
  uint8_t stream[STREAM_ROWS];    // the keys of its rows
  uint8_t stream_count, stream_hold;
  bool repeats;                   // all clients but the first begin anew when they are done
  bool may_vanish;                // clients may, at any time, one of them
  enum fault fault;
};

enum phase { RUNNING, WAITING, READY, DONE };

struct party {
  uint8_t phase, at;
  uint8_t is_open, is_behind, is_eager, keeps_age, is_victim, is_committing, is_broken;
  uint8_t age;
  uint8_t wants_key, wants_mode;
  uint8_t held[ROWS]; // bits of modes
  uint8_t changed;    // bits of rows
  row base[ROWS], rows[ROWS];
  int8_t replies[STEPS];
};

struct world {
  uint16_t wrong; // no part of what a world is: the explorer takes it out, and `told`
  uint8_t told;
  row trunk[ROWS];
  uint8_t queue_count[ROWS], queue[ROWS][PARTIES];
  uint8_t waited, hold_left, has_vanished;
  uint8_t failures;  // of the first client, where others repeat
  struct party parties[PARTIES];
};

static inline bool is_one_shot(const struct setup *setup, int who)
{
  return who == STREAM || setup->is_one_shot[who];
}

static inline void world_init(struct world *world, const struct setup *setup)
{
  memset(world, 0, sizeof *world);
  memcpy(world->trunk, setup->start, sizeof world->trunk);
  world->hold_left = setup->stream_hold;
  for (int i = 0; i < CLIENTS; i++)
    world->parties[i].phase = setup->scripts[i].count ? RUNNING : DONE;
  world->parties[STREAM].phase = setup->stream_count ? RUNNING : DONE;
}

// --- Claims -------------------------------------------------------------------------------------------------------

static inline int held_mode(const struct party *party, int key)
{
  return party->held[key] ? 31 - __builtin_clz(party->held[key]) : NO_MODE;
}

static inline bool holds_anything(const struct party *party)
{
  return party->held[0] || party->held[1];
}

// Who holds what keeps `who` from this mode, as bits.
static inline unsigned barriers(const struct world *world, int who, int key, int mode)
{
  unsigned found = 0;
  for (int i = 0; i < PARTIES; i++)
    for (int m = 0; i != who && m <= UPDATE; m++)
      if (world->parties[i].held[key] >> m & 1 && modes_conflict(mode, m))
        found |= 1u << i;
  return found;
}

// Who stands before `who` in the queue (or at all, if it does not) and wants what does not go with this mode.
static inline unsigned rivals(const struct world *world, int who, int key, int mode)
{
  unsigned found = 0;
  for (int i = 0; i < world->queue_count[key] && world->queue[key][i] != who; i++)
    if (modes_conflict(mode, world->parties[world->queue[key][i]].wants_mode))
      found |= 1u << world->queue[key][i];
  return found;
}

// Who holds some of it does not stand behind those who wait for that: it would be a circle.
static inline unsigned rivals_that_count(const struct world *world, const struct setup *setup, int who, int key,
                                         int mode)
{
  bool goes_first = world->parties[who].held[key] && setup->fault != FAULT_HOLDER_QUEUES;
  return goes_first ? 0 : rivals(world, who, key, mode);
}

static inline void queue_remove(struct world *world, int who)
{
  struct party *party = &world->parties[who];
  int key = party->wants_key, at = 0;
  while (world->queue[key][at] != who)
    at++;
  world->queue_count[key]--;
  for (; at < world->queue_count[key]; at++)
    world->queue[key][at] = world->queue[key][at + 1];
  world->queue[key][at] = 0;
  party->wants_key = party->wants_mode = 0;
}

static inline void serve(struct world *world, const struct setup *setup, int key)
{
  for (int i = 0; i < world->queue_count[key];) {
    int who = world->queue[key][i], mode = world->parties[who].wants_mode;
    if (barriers(world, who, key, mode) || rivals_that_count(world, setup, who, key, mode)) {
      i++;
      continue;
    }
    queue_remove(world, who);
    world->parties[who].held[key] |= (uint8_t)(1 << mode);
    world->parties[who].phase = READY;
    i = 0;
  }
}

static inline void release(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  int waited_for = party->wants_key;
  if (party->phase == WAITING) {
    queue_remove(world, who);
    serve(world, setup, waited_for);
  }
  for (int k = 0; k < ROWS; k++)
    if (party->held[k]) {
      party->held[k] = 0;
      if (setup->fault != FAULT_NOT_SERVED)
        serve(world, setup, k);
    }
}

static inline unsigned waits_for(const struct world *world, const struct setup *setup, int who)
{
  const struct party *party = &world->parties[who];
  if (party->phase != WAITING || (party->is_committing && setup->fault == FAULT_COMMIT_NOT_IN_GRAPH))
    return 0;
  return barriers(world, who, party->wants_key, party->wants_mode) |
         rivals_that_count(world, setup, who, party->wants_key, party->wants_mode);
}

// The parties on a way from `at` back to the origin, as bits; 0: there is none.
static inline unsigned find_circle(const struct world *world, const struct setup *setup, int origin, int at,
                                   unsigned *seen)
{
  unsigned next = waits_for(world, setup, at);
  if (next >> origin & 1)
    return 1u << at;
  for (int i = 0; i < PARTIES; i++)
    if (next >> i & 1 && !(*seen >> i & 1)) {
      *seen |= 1u << i;
      unsigned found = find_circle(world, setup, origin, i, seen);
      if (found)
        return found | 1u << at;
    }
  return 0;
}

static inline void queue_append(struct world *world, int who, int key, int mode)
{
  world->queue[key][world->queue_count[key]++] = (uint8_t)who;
  world->parties[who].wants_key = (uint8_t)key;
  world->parties[who].wants_mode = (uint8_t)mode;
  world->parties[who].phase = WAITING;
}

// The one of a circle that gives way: who holds nothing steps back in its queue, else the youngest fails.
static inline void give_way(struct world *world, const struct setup *setup, unsigned circle)
{
  int victim = NO_MODE;
  for (int i = 0; i < PARTIES; i++) {
    if (!(circle >> i & 1))
      continue;
    if (!holds_anything(&world->parties[i]) && (setup->fault != FAULT_ONE_SHOT_FAILS || i == STREAM)) {
      int key = world->parties[i].wants_key, mode = world->parties[i].wants_mode;
      queue_remove(world, i);
      queue_append(world, i, key, mode);
      serve(world, setup, key);
      return;
    }
    if (victim == NO_MODE || world->parties[i].age > world->parties[victim].age)
      victim = i;
  }
  int key = world->parties[victim].wants_key;
  queue_remove(world, victim);
  world->parties[victim].is_victim = 1;
  world->parties[victim].phase = READY;
  serve(world, setup, key);
}

static inline void begin_wait(struct world *world, const struct setup *setup, int who, int key, int mode)
{
  if (is_one_shot(setup, who))
    release(world, setup, who);
  queue_append(world, who, key, mode);
  serve(world, setup, key); // what the release above has freed may be this
  while (setup->fault != FAULT_NO_DEADLOCKS && world->parties[who].phase == WAITING) {
    unsigned seen = 0, circle = find_circle(world, setup, who, who, &seen);
    if (!circle)
      return;
    give_way(world, setup, circle);
  }
}

// True: it has the claim, or need not have it. False: it waits.
static inline bool claim_take(struct world *world, const struct setup *setup, int who, int key, int mode)
{
  struct party *party = &world->parties[who];
  if (held_mode(party, key) >= mode)
    return true;
  if (barriers(world, who, key, mode) || rivals_that_count(world, setup, who, key, mode)) {
    begin_wait(world, setup, who, key, mode);
    return false;
  }
  if (!is_one_shot(setup, who)) // it would be over before anybody else comes
    party->held[key] |= (uint8_t)(1 << mode);
  return true;
}

// Are these changes others' claims' business? True: it may go on. False: it waits.
static inline bool claims_pass(struct world *world, const struct setup *setup, int who, const row *from, const row *to)
{
  for (int k = 0; k < ROWS; k++) {
    int mode = row_is(from[k]) && row_is(to[k]) ? NO_KEY_UPDATE : UPDATE;
    if (from[k] != to[k] && barriers(world, who, k, mode)) {
      begin_wait(world, setup, who, k, mode);
      return false;
    }
  }
  return true;
}

// --- Scripts ------------------------------------------------------------------------------------------------------

// The plain form: all of it again. False: a reply is another.
static inline bool run_again(const struct script *script, int count, const int8_t *replies, row rows[ROWS])
{
  for (int i = 0; i < count; i++)
    if (statement_run(script->steps[i], rows, claimed_none).reply != replies[i])
      return false;
  return true;
}

// What repair knows of the rows: what the first run had there, and what this one has.
struct repair {
  row then[ROWS], now[ROWS];
  row base[ROWS], trunk[ROWS]; // the same, before the first statement
  bool otherwise[ROWS];        // a statement that was run has changed it otherwise than the first time
};

static inline bool is_dirty(const struct repair *repair, struct statement statement, enum fault fault)
{
  bool is_range = statement.kind == SUM;
  for (int k = 0; k < ROWS; k++) {
    if (is_range ? k > 0 && fault == FAULT_RANGE_MISSED : k != statement.key)
      continue;
    bool outside = fault == FAULT_CHANGES_MISSED || (fault == FAULT_FILTER_OUTSIDE && !repair->otherwise[k]);
    if (outside ? statement_tells_apart(statement, repair->base[k], repair->trunk[k])
                : statement_tells_apart(statement, repair->then[k], repair->now[k]))
      return true;
  }
  return false;
}

// The fast form: what cannot have changed is applied, the rest is run. False: a reply is another.
static inline bool run_repair(const struct script *script, int count, const struct party *party, row rows[ROWS],
                              enum fault fault)
{
  struct repair repair = {0};
  memcpy(repair.then, party->base, sizeof repair.then);
  memcpy(repair.base, party->base, sizeof repair.base);
  memcpy(repair.now, rows, sizeof repair.now);
  memcpy(repair.trunk, rows, sizeof repair.trunk);
  for (int i = 0; i < count; i++) {
    struct statement statement = script->steps[i];
    bool dirty = is_dirty(&repair, statement, fault);
    struct effect first = statement_run(statement, repair.then, claimed_none);
    row *now = &repair.now[statement.key];
    if (dirty) {
      if (statement_run(statement, repair.now, claimed_none).reply != party->replies[i])
        return false;
      repair.otherwise[statement.key] |= *now != repair.then[statement.key];
    } else if (first.writes) { // what it did the first time is done here
      bool is_whole = fault == FAULT_ROWS_APPLIED || !row_is(first.written) || !row_is(*now);
      row both = first.sets_b ? ROW_OF(row_a(*now), row_b(first.written)) : ROW_OF(row_a(first.written), row_b(*now));
      *now = is_whole ? first.written : both;
    }
  }
  memcpy(rows, repair.now, sizeof repair.now);
  return true;
}

// Both forms on these rows; they must agree.
static inline bool run_both(struct world *world, const struct setup *setup, int who, int count, row rows[ROWS])
{
  const struct script *script = &setup->scripts[who];
  const struct party *party = &world->parties[who];
  row plain[ROWS], fast[ROWS];
  memcpy(plain, rows, sizeof plain);
  memcpy(fast, rows, sizeof fast);
  bool holds = run_again(script, count, party->replies, plain);
  bool repaired = run_repair(script, count, party, fast, setup->fault);
  if (holds != repaired || (holds && memcmp(plain, fast, sizeof plain) != 0))
    world->wrong |= WRONG_REPAIR;
  if (!holds && setup->fault == FAULT_REPLIES_IGNORED && count == script->count) {
    for (int i = 0; i < count; i++)
      statement_run(script->steps[i], rows, claimed_none);
    return true;
  }
  if (holds)
    memcpy(rows, plain, sizeof plain);
  return holds;
}

// --- Ends ---------------------------------------------------------------------------------------------------------

// Nothing of a branch is left but whether its successor is to be more careful, and its age.
static inline void forget(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  struct party fresh = {.is_eager = party->is_eager, .keeps_age = party->keeps_age, .age = party->age};
  if (setup->fault == FAULT_CLAIM_LEFT && party->phase != WAITING)
    memcpy(fresh.held, party->held, sizeof fresh.held);
  else
    release(world, setup, who);
  *party = fresh;
}

static inline void client_fails(struct world *world, const struct setup *setup, int who, enum told told)
{
  world->told |= told;
  if (is_one_shot(setup, who))
    world->wrong |= WRONG_ONE_SHOT;
  if (who == 0 && setup->repeats && ++world->failures == MANY_FAILURES) {
    world->wrong |= WRONG_STARVED;
    world->failures--;
  }
  world->parties[who].is_eager = world->parties[who].keeps_age = 1;
  forget(world, setup, who);
}

static inline void done(struct world *world, const struct setup *setup, int who)
{
  forget(world, setup, who);
  struct party *party = &world->parties[who];
  party->phase = who > 0 && setup->repeats ? RUNNING : DONE;
  party->is_eager = party->keeps_age = party->age = 0;
}

static inline void move_trunk(struct world *world, const row rows[ROWS])
{
  if (memcmp(world->trunk, rows, sizeof world->trunk) == 0)
    return;
  memcpy(world->trunk, rows, sizeof world->trunk);
  for (int i = 0; i < CLIENTS; i++)
    world->parties[i].is_behind = world->parties[i].is_open;
}

// The proof, beside all that the rules do: the statements, one after another on what was committed, give these replies
// and this.
static inline void prove(struct world *world, const struct setup *setup, int who, const row before[ROWS],
                         const row *after)
{
  row rows[ROWS];
  memcpy(rows, before, sizeof rows);
  bool holds = run_again(&setup->scripts[who], setup->scripts[who].count, world->parties[who].replies, rows);
  if (!holds || (after && memcmp(rows, after, sizeof rows) != 0))
    world->wrong |= after ? WRONG_SERIAL : WRONG_SNAPSHOT;
}

// To where the trunk is. False: a reply would be another there.
static inline bool move_branch(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  if (!party->is_behind)
    return true;
  row rows[ROWS];
  memcpy(rows, world->trunk, sizeof rows);
  if (!run_both(world, setup, who, party->at, rows))
    return false;
  memcpy(party->base, world->trunk, sizeof party->base);
  memcpy(party->rows, rows, sizeof party->rows);
  party->is_behind = 0;
  return true;
}

static inline void commit(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  party->is_committing = 1;
  if (!party->changed) {
    prove(world, setup, who, party->base, NULL);
    done(world, setup, who);
    return;
  }
  if (party->is_broken && !move_branch(world, setup, who)) {
    client_fails(world, setup, who, TOLD_40001);
    return;
  }
  party->is_broken = 0;
  bool looks = setup->fault != FAULT_COMMIT_BARGES;
  if (looks && !claims_pass(world, setup, who, party->base, party->rows))
    return;
  row rows[ROWS];
  memcpy(rows, party->rows, sizeof rows);
  if (party->is_behind && setup->fault != FAULT_ADOPTED_BEHIND) {
    memcpy(rows, world->trunk, sizeof rows);
    if (!run_both(world, setup, who, setup->scripts[who].count, rows)) {
      client_fails(world, setup, who, TOLD_40001);
      return;
    }
    if (looks && !claims_pass(world, setup, who, world->trunk, rows))
      return;
  }
  prove(world, setup, who, world->trunk, rows);
  move_trunk(world, rows);
  done(world, setup, who);
}

// --- Steps --------------------------------------------------------------------------------------------------------

// Ages matter by their order alone: they stay small, so that equal worlds have equal bytes.
static inline void take_age(struct world *world, int who)
{
  uint8_t oldest_free = 1;
  for (int i = 0; i < PARTIES; i++)
    if (i != who && world->parties[i].age >= oldest_free)
      oldest_free = (uint8_t)(world->parties[i].age + 1);
  world->parties[who].age = oldest_free;
}

static inline void compact_ages(struct world *world)
{
  uint8_t ages[PARTIES];
  for (int i = 0; i < PARTIES; i++) {
    ages[i] = world->parties[i].age != 0;
    for (int j = 0; ages[i] && j < PARTIES; j++)
      ages[i] += world->parties[j].age && world->parties[j].age < world->parties[i].age;
  }
  for (int i = 0; i < PARTIES; i++)
    world->parties[i].age = ages[i];
}

// What it has changed; after a failure all that it reads.
static inline struct claimed what_is_claimed(const struct setup *setup, const struct party *party)
{
  struct claimed claimed = {party->changed, 0};
  for (int k = 0; setup->fault == FAULT_SAME_UNCLAIMED && k < ROWS; k++)
    claimed.if_shown &= (uint8_t)~((party->base[k] == party->rows[k]) << k);
  if (party->is_eager && setup->fault != FAULT_NOT_EAGER)
    claimed.if_shown = (1 << ROWS) - 1;
  if (party->is_eager && setup->fault != FAULT_NOT_EAGER && setup->fault != FAULT_ABSENCE_UNCLAIMED)
    claimed.if_read = (1 << ROWS) - 1;
  return claimed;
}

// Whose claim was broken waits for nobody before it knows that its promises still hold.
static inline bool must_move(struct party *party)
{
  bool is_broken = party->is_broken;
  party->is_broken = 0;
  if (is_broken)
    party->phase = READY;
  return is_broken;
}

// A statement of a branch, and what it claims.
static inline void run_statement(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  const struct script *script = &setup->scripts[who];
  row rows[ROWS];
  memcpy(rows, party->rows, sizeof rows);
  struct claimed claimed = what_is_claimed(setup, party);
  struct effect effect = statement_run(script->steps[party->at], rows, claimed);
  for (int k = 0; k < ROWS; k++) {
    if (effect.wish[k] == NO_MODE)
      continue;
    if (must_move(party))
      return;
    if (!claim_take(world, setup, who, k, effect.wish[k]))
      return;
    if (party->is_behind && party->base[k] != world->trunk[k] && setup->fault != FAULT_NOT_MOVED &&
        setup->fault != FAULT_STALE_NOT_MOVED) {
      party->phase = READY; // it has the claim, of a row that it does not see as it is
      return;
    }
  }
  memcpy(party->rows, rows, sizeof rows);
  party->changed |= (uint8_t)(effect.writes << script->steps[party->at].key);
  party->replies[party->at] = effect.reply;
  party->at++;
  if (setup->fault == FAULT_RELEASED_EARLY)
    release(world, setup, who);
}

static inline void run_branch(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  if (!party->is_open) {
    if (!party->keeps_age)
      take_age(world, who);
    party->is_open = 1;
    party->is_behind = 0;
    memcpy(party->base, world->trunk, sizeof party->base);
    memcpy(party->rows, world->trunk, sizeof party->rows);
  }
  if (party->at < setup->scripts[who].count)
    run_statement(world, setup, who);
  else
    commit(world, setup, who);
}

// Everything of a one-shot at once, on the trunk.
static inline void run_one_shot(struct world *world, const struct setup *setup, int who)
{
  struct party *party = &world->parties[who];
  const struct script *script = &setup->scripts[who];
  row rows[ROWS];
  memcpy(rows, world->trunk, sizeof rows);
  take_age(world, who);
  for (int i = 0; i < script->count; i++) {
    struct statement statement = script->steps[i];
    struct effect effect = statement_run(statement, rows, claimed_none);
    bool is_asked = statement.kind == LOCK || statement.kind == LOCK_SHARE;
    if (is_asked && !claim_take(world, setup, who, statement.key, effect.wish[statement.key]))
      return;
    party->replies[i] = effect.reply;
  }
  if (setup->fault != FAULT_ONE_SHOT_BARGES && !claims_pass(world, setup, who, world->trunk, rows))
    return;
  prove(world, setup, who, world->trunk, rows);
  move_trunk(world, rows);
  done(world, setup, who);
}

static inline void break_claim(struct party *party, int key, enum fault fault)
{
  party->held[key] = 0;
  party->is_broken = fault != FAULT_BROKEN_GOES_ON;
}

// A row of the stream, an atom of its own. It waits for as long as its hold lasts.
static inline void run_stream(struct world *world, const struct setup *setup)
{
  struct party *party = &world->parties[STREAM];
  int key = setup->stream[party->at];
  row rows[ROWS];
  memcpy(rows, world->trunk, sizeof rows);
  statement_run((struct statement){UPSERT, (uint8_t)key}, rows, claimed_none);
  take_age(world, STREAM);
  if (world->hold_left && !claims_pass(world, setup, STREAM, world->trunk, rows))
    return;
  int mode = row_is(world->trunk[key]) ? NO_KEY_UPDATE : UPDATE;
  unsigned broken;
  while ((broken = barriers(world, STREAM, key, mode))) { // its patience is at its end: it goes ahead
    for (int i = 0; i < PARTIES; i++)
      if (broken >> i & 1)
        break_claim(&world->parties[i], key, setup->fault);
    serve(world, setup, key);
  }
  move_trunk(world, rows);
  uint8_t at = (uint8_t)(party->at + 1);
  if (at == setup->stream_count)
    done(world, setup, STREAM);
  else
    forget(world, setup, STREAM);
  party->at = at;
}

static inline void tick(struct world *world, const struct setup *setup)
{
  world->waited++;
  if (world->waited > setup->stream_hold)
    world->wrong |= WRONG_STREAM;
  if (world->hold_left && setup->fault != FAULT_STREAM_PATIENT)
    world->hold_left--;
  if (world->hold_left)
    return;
  release(world, setup, STREAM);
  world->parties[STREAM].phase = RUNNING;
  run_stream(world, setup);
}

static inline void run_party(struct world *world, const struct setup *setup, int who)
{
  if (who == STREAM)
    run_stream(world, setup);
  else if (is_one_shot(setup, who))
    run_one_shot(world, setup, who);
  else
    run_branch(world, setup, who);
}

// What the parties can do: party * 2 is to go on (the stream that waits: time goes by), party * 2 + 1 to vanish.
enum { ACTIONS = PARTIES * 2 };

static inline bool world_step(struct world *world, const struct setup *setup, int action)
{
  int who = action / 2;
  struct party *party = &world->parties[who];
  if (party->phase == DONE)
    return false;
  if (action % 2) {
    if (who == STREAM || !setup->may_vanish || world->has_vanished || (!party->is_open && party->phase == RUNNING))
      return false;
    world->has_vanished = 1;
    done(world, setup, who);
  } else if (party->phase == WAITING) {
    if (who != STREAM || world->waited > setup->stream_hold)
      return false;
    tick(world, setup);
  } else if (party->is_victim) {
    client_fails(world, setup, who, TOLD_40P01);
  } else if (party->phase == READY && party->is_open && !party->is_committing && setup->fault != FAULT_NOT_MOVED &&
             !move_branch(world, setup, who)) {
    client_fails(world, setup, who, TOLD_40001);
  } else {
    party->phase = RUNNING;
    run_party(world, setup, who);
  }
  compact_ages(world);
  return true;
}

static inline bool world_is_done(const struct world *world)
{
  for (int i = 0; i < PARTIES; i++)
    if (world->parties[i].phase != DONE)
      return false;
  return true;
}

// What must hold in every world.
static inline void world_check(struct world *world)
{
  bool is_done = world_is_done(world);
  for (int k = 0; k < ROWS; k++)
    for (int i = 0; i < PARTIES; i++) {
      int mode = held_mode(&world->parties[i], k);
      if (mode != NO_MODE && world->parties[i].phase == DONE)
        world->wrong |= WRONG_LEFT;
      if (mode != NO_MODE && barriers(world, i, k, mode))
        world->wrong |= WRONG_HOLDERS;
      if (is_done && world->queue_count[k])
        world->wrong |= WRONG_LEFT;
    }
}
