"""What simulated people write in English: authored here, no real post among it; notation in ``grammar.py``."""

ENGLISH = """
# symptom cannot send
[none of my|my|all my|half my] {n} messages [won't send|are not sending|refuse to send|fail to send|just fail]
{n} [won't|will not|wont|refuses to] send [anything|a single text|my messages|photos or texts]
[can't|cannot|cant|unable to] send [anything|messages|a thing|texts] on {n}
every {n} I [send|try to send] comes back [not delivered|with a red exclamation mark|as failed]
{n} keeps saying [not delivered|message failed|try again] [no matter what I do|every single time|over and over]
[trying|been trying] to text {w} and {n} [is not going through|won't go through|just spins]
{n} stuck on sending [for ages|{t}|with that little progress bar]
tried {k} times, {n} [still not sending|still fails|nothing goes out]
# symptom delayed
{n} messages [arriving|coming in|showing up] [{k} minutes late|way late|ages after they were sent|in one big clump]
[my|everyone's|half of our] {n} [texts|messages] are [delayed|super delayed|taking forever] [today|right now|{t}]
{n} is [so delayed|lagging badly|taking {k} minutes a message|out of order and late]
just got {k} {n} messages [at once|all at the same time], [all from an hour ago|hours late]
{w} sent me a {n} {k} min ago and it [only came in now|still is not here|shows up just now]
[huge|massive|weird] delay on {n} [right now|{t}|here in {c}]
# symptom cannot receive
not [getting|receiving] [any|a single one of my] {n} messages [{t}|right now|today]
{w} says they texted me on {n} and I [got nothing|never got it|see nothing]
nothing [comes|is coming] in on {n} [{t}|at all], [no notifications either|and I know they wrote|zero]
{n} [isn't|is not] delivering [anything|messages] to me [{t}|today]
# symptom receipts and typing
{n} doesn't say delivered [anymore|under anything|for any chat] [{t}|right now]
[no delivered or read receipts|read receipts are gone|typing dots never show] on {n} [{t}|today|right now]
is it me or did the delivered thing vanish on {n} [{t}|today]
# symptom sign-in
{n} [logged me out|signed me out|kicked me out] and [won't let me back in|now the password is wrong|can't get back in]
[can't|cannot|cant|unable to] [log in to|sign in to|log into|get into] {n} [{t}|right now|at all]
{n} [sign in|login|log in] [is broken|fails every time|keeps looping|gives an error]
{n} stuck on [waiting for activation|verifying|signing in] [{t}|for {k} minutes]
{n} says [activation error|an error occurred during sign in|my account can't be verified]
# symptom sync
{n} [not syncing|won't sync|stopped syncing] [between my phone and laptop|across my devices|on my {d}]
{n} shows on my phone but [not on my {d}|nowhere else], sync is [dead|broken|stuck]
# symptom attachments
[pictures|photos|attachments|voice notes|videos] won't [load|open|go through|upload] on {n} [{t}|right now]
{n} [can't upload|fails to upload|won't load] [any photo|a single picture|attachments] [{t}|today]
# symptom falls back to SMS
all my {n} [are going green|turned green|go out as sms] [{t}|right now|today]
why are my texts to {w} [green|suddenly green|sending as sms], {n} [not working|broken|is out]
{n} keeps [falling back to sms|sending as text message|turning green] [{t}|even on wifi]
# symptom app crash
{n} [keeps crashing|crashes as soon as I open it|closes by itself|just crashed again] [on my {d}|{t}|over and over]
{n} app [freezes|crashes|goes black|shows a white screen] [every time|on launch|{t}]
[can't even open|can't open] {n}, it [crashes|just closes|stays on the logo]
# symptom slow
{n} [is so slow|crawls|takes forever to load|barely loads] [{t}|right now|today]
{n} loading [for {k} minutes|and loading and loading|like it is 1998]
everything on {n} [times out|hangs|takes {k} tries] [{t}|right now]
# symptom total outage
{n} [is down|is completely down|just went down|is dead|down again]
{n} [not working|isn't working|is not working|stopped working|won't work] [{t}|right now|at all|for me|here in {c}]
{n} [down|out|broken] [in {c}|for me|for everyone here|{t}]
[well|ok|great], {n} [is broken|is out|doesn't work|quit working] [{t}|again|today]
[nothing on {n} works|nothing works on {n}|can't use {n} at all] [{t}|right now]
{n} gives me [an error|error 500|error 503|server error|a blank page] [{t}|every time|on everything]
{n} outage [in {c}|here|again|right now]
# symptom mail
[no new mail|no emails coming in|email stuck in the outbox] [{t}|since I got to work], {n} [is broken|must be down]
{n} [won't send or receive|isn't sending|stopped receiving] [mail|email|emails] [{t}|on my {d}|today]
{n} inbox [won't load|is empty|keeps spinning|is stuck on updating] [{t}|on my {d}]
whole office can't [send mail|open {n}|get mail] [{t}|right now]
# symptom calls
[can't make or receive calls|calls drop|every call fails] on {n} [{t}|in {c}|right now]
{n} [shows no service|has no signal|says SOS] [in {c}|{t}|on my {d}]
# symptom internet
{n} internet [is out|is down|keeps dropping|went out] [in {c}|{t}|again|on my street]
no internet from {n} [{t}|in {c}], [modem light is red|router is fine|rebooted {k} times]
# symptom tv
{n} [channels are black|tv is out|box says no signal] [{t}|in {c}|again]
# symptom payment
{n} [payment failed|declines everything|won't let me pay|card not going through] [{t}|at the till|right now]
[my money is missing in|can't see my balance on|transfer stuck on] {n} [{t}|right now|today]
# symptom feed
{n} feed [won't refresh|won't load|is empty|shows the same post over and over] [{t}|right now]
{n} [stories|comments|dms|reels] [won't load|not loading|are gone|keep failing] [{t}|right now|on my {d}]
{n} says [couldn't refresh feed|something went wrong|try again later] [{t}|every time]
# label asking
is {n} [down|down for anyone else|down right now|broken|not working for anyone else|having issues|ok]?
[anyone else|anybody else|does anyone else|is anyone else] [having issues with|having trouble with] {n}?
[anyone else|anybody else|does anyone else|is anyone else] having problems on {n}?
[anyone else's|is anyone's|is everyone's] {n} [down|acting up|not working|broken|being weird]? [or just me?|]
{n} down[?|??| or is it just me?| for anyone in {c}?|, anyone?]
is it just me or is {n} [down|not working|broken|acting up]?
what is [going on|happening|wrong] with {n} [right now|today|this time]?
did {n} [just die|just go down|stop working] for [anyone|everyone] else?
hey {w} is your {n} working? mine [isn't|is down|stopped {t}]
{n} not working [in {c}|for me], [anyone else?|same for you?|is it my phone?]
can someone [send me a {n}|check {n}] to see if it [works|is down]?
# label story
So I was in the middle of [sorting out a hospital pickup|planning a birthday|arguing about dinner] with {w} and {n} \
just quit. Restarted my {d}, toggled airplane mode, nothing. It has been like this {t}.
{n} broken after [nothing changed|no update at all] | I have a {d}, everything else is fine, wifi is fine, but {n} \
fails {t}. Tried signing out, resetting network settings, {k} restarts. Is this a server thing?
Spent {k} minutes with support because {n} stopped on my {d}. They had me reinstall it. Still broken. Pretty sure \
it is on their side since {w} has the same problem in another city.
# label resolved
{n} [is back|seems to be back|is working again|came back up] [for me|in {c}|finally|!|]
ok {n} [works again|back to normal|is fixed] [now|here|, carry on]
and {n} is back, [crisis over|that was a long one|everything arrived at once]
# label working_for_me
{n} [works fine|is fine|is working|seems ok] [for me|here in {c}|on my {d}|over here]
no issues with {n} here [in {c}|on my end|at all]
my {n} is fine, [must be you|weird|sorry folks]
# label news_or_brand
{n} [outage|problems] reported by [thousands of users|users in several countries|many users] {u}
{n} suffers [widespread|global|major] outage, [company investigating|users report failed messages] {u}
{n} suffers [widespread|global|major] outage, here is what we know {u}
Breaking: {n} [down for many|experiencing an outage], [says status page|company confirms] {u}
Why {n} went down [today|yesterday] and what [it means|comes next] {u}
{n} back after [hours-long|brief|morning] outage, [company says|no cause given] {u}
We're aware that some people have trouble with {n} and are looking into it. {u}
# label retrospective
remember when {n} went down [last year|last week|in the middle of finals]? [good times|chaos|I actually read a book]
[still thinking about|still mad about] the {n} outage [last week|the other day|in october]
yesterday's {n} outage cost us [half a day|{k} orders|a whole meeting]
{n} was down [yesterday|last night|on monday] and nobody [apologised|explained why]
# label hypothetical
if {n} [goes down|ever dies|breaks] during [the match|my exam|the launch] I will [scream|move to a farm|quit]
what would you do if {n} [went down|was down] for a week
imagine {n} going down right now lol
# label other_meaning
[I'm|always|who's] down to [chat|talk|plan the trip] on {n} [tonight|later|whenever]
put my {n} on do not disturb and [slowed down|calmed down|shut down for the day]
{w} broke the news on {n} and I [broke down|am not working through this well]
writing it down in {n} so I don't forget
# label other_service
{o} is down again, [good thing {n} works|everyone move to {n}|see you on {n}]
{o} not working so I am on {n} [now|instead|like it's 2015]
came to {n} to check if {o} is down
# label complaint_not_outage
{n} is so slow on my [old|ancient|cracked] phone, [time for a new one|my fault really]
the new {n} [update|layout|design] is [awful|terrible|the worst], who approved this
{n} support [is useless|never answers|sent me a form letter], [wow|cancelling|done with them]
{n} raising prices again, [not worth it|I'm out|of course]
why does {n} not have [an edit button|dark mode|a proper search] in this day and age
# label joke
{n} down, finally have to [talk to my family|go outside|meet my roommates]
the {n} intern [tripped over a cable|pressed the red button|is having a day]
{n} going down so we all [run over here|check this app]: [every time|like clockwork|classic]
my {n} isn't down, I'm just [ignoring you|unpopular|asleep]
# label spam
{n} hacked or locked? DM me, I recover accounts fast {u}
get {k}% off {n} premium today {u}
earn from home, ask me on {n} {u}
# label named
[just found|finally tried|been using] {n} [with my mum|for the group trip] and [love it|it's alright|it grows on me]
[just found|finally tried|been using] {n} at work and [love it|it's alright|it grows on me]
{w} sent me a [whole essay|single thumbs up|video of a duck] on {n}
who else [lives on|is always on|does everything in] {n}
my screen time says {k} hours of {n}, [no comment|worrying|worth it]
new {n} [stickers|features|icons] are [cute|pretty good|fine I guess]
[moving the group chat to|made a channel on|add me on] {n}
{n} stock [up|flat|moving] {k}% this week
how do I [mute a group|change my picture|pin a chat] on {n}?
# label background
[good morning|morning|gm] {c}, [coffee first|rain again|who's up]
[this game|this match|the ref] is [a joke|unreal|stressing me out]
[made|tried|burnt] [pasta|pancakes|a curry] [tonight|again|for {w}], {k}/10
traffic in {c} is [a nightmare|down to one lane|not moving]
can't believe it's [monday|already march|{k} degrees] again
my {d} battery [lasted all day|is a liar|died at {k}%]
reading a [book|thread|paper] about [trains|mushrooms|the moon] and [can't stop|it's great|help]
[need|want|deserve] a [nap|holiday|new chair] [so bad|asap|tbh]
[gym|walk|run] done, [legs not working anymore|feeling good|{k} km]
anyone in {c} [want to grab food|know a good dentist|selling a bike]?
the [dog|cat|baby] [ate|broke|hid] my [charger|homework|left shoe]
[new song|that album|the live version] is [on repeat|so good|growing on me]
# openers
ugh
omg
hey
so
welp
great,
why is it that
um
hello?
seriously,
ok
help,
lol
PSA:
first the bus is late, now
of course
not again,
# tails
on [my|a] {d}
{t}
in {c}
on wifi and on 5G
restarted [twice|{k} times] already
and I need it for work
[even after|since] the update
tried everything
no idea why
says there's no connection but my wifi is fine
# closers
anyone else?
anyone else having this?
just me?
is it just me?
or is it my phone?
anybody?
what's going on?
what is happening
fix it please
please fix
same for you?
is it down?
# slot d
iPhone 15
iPhone 15 Pro
iPhone 14
iPhone 13 mini
iPhone 16
iPhone SE
iPad
MacBook
Mac
Apple Watch
Pixel 9
Galaxy S24
Windows laptop
work laptop
Android
phone
PC
# slot t
since this morning
since [5|6|noon|about 3|like 2]
for the last hour
for {k} minutes now
all day
for an hour
since I woke up
since last night
the past half hour
for like {k} min
# slot w
my sister
my mom
my boss
my girlfriend
my brother
my best friend
the group chat
my dad
my team
a client
my roommate
my husband
grandma
"""
