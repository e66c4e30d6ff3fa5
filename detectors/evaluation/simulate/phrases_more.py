"""What simulated people write in Dutch, Turkish, Japanese, Hindi and Indonesian: authored here."""

# Turkish has a letter of its own that looks like an i.
# ruff: noqa: RUF001

DUTCH = """
# symptom cannot send
kan [niks|geen berichten] versturen via {n} {t}
# symptom delayed
{n} berichten komen {t} [veel te laat|{k} minuten later] aan
# symptom sign-in
kan {t} niet inloggen op {n}
# symptom total outage
{n} [doet het niet|werkt niet|ligt eruit|heeft storing|is down] {t}
storing bij {n} [in {c}|alweer|{t}]
# symptom slow
{n} is {t} zo traag
# label asking
ligt {n} eruit?
[nog meer mensen|iemand anders ook] problemen met {n}?
{n} storing of [ligt het aan mij|alleen bij mij]?
# label resolved
{n} doet het weer
# label news_or_brand
Storing bij {n}, duizenden meldingen {u}
# label named
app me even op {n}
die {n} groep is weer gezellig
# label background
goedemorgen {c}
regen, alweer
trein te laat, klassiek
wat een wedstrijd
# openers
hè
nou
serieus,
# tails
in {c}
op mijn {d}
al {k} minuten
# closers
iemand anders ook?
alleen bij mij?
# slot t
-
sinds vanochtend
nu
vandaag
"""

TURKISH = """
# symptom cannot send
{n} mesaj [göndermiyor|atmıyor] {t}
{n} üzerinden mesaj [atamıyorum|gönderemiyorum] {t}
# symptom delayed
{n} mesajları [geç geliyor|{k} dakika sonra geliyor] {t}
# symptom sign-in
{n} hesabıma giremiyorum {t}
# symptom total outage
{n} [çöktü|çalışmıyor|açılmıyor|gitti] {t}
{n} [yine çöktü|çöktü mü ne]
# symptom slow
{n} çok yavaş {t}
# label asking
{n} [çöktü mü|sizde de mi çalışmıyor|gitti mi]?
{n} bir tek bende mi çalışmıyor?
# label resolved
{n} düzeldi
# label news_or_brand
{n} çöktü: [binlerce kullanıcı şikayetçi|açıklama bekleniyor] {u}
# label named
{n} grubunda {k} mesaj var
{n} üzerinden yaz bana
# label background
günaydın {c}
hava çok [soğuk|güzel]
ne maçtı ama
çay koydum
# openers
ya
off
yine mi
# tails
{c}
{k} dakikadır
# closers
sizde de mi?
bir tek bende mi?
# slot t
-
sabahtan beri
şu an
bugün
"""

JAPANESE = """
# symptom cannot send
{n}[が送れない|で送信できない|のメッセージが送れない]{t}
{n}送信エラー[になる|ばかり]
# symptom delayed
{n}のメッセージが[遅れて届く|{k}分遅れで来る|遅延してる]
# symptom cannot receive
{n}のメッセージが届かない{t}
# symptom sign-in
{n}に[ログインできない|サインインできない]{t}
# symptom app crash
{n}[が落ちる|すぐ落ちる|が固まる]{t}
# symptom slow
{n}[重い|重すぎる|めっちゃ遅い]{t}
# symptom total outage
{n}[落ちてる|使えない|繋がらない|つながらない|障害かな]{t}
{n}[障害|不具合][っぽい|?|発生中]
# symptom feed
{n}[が更新できない|が読み込めない]{t}
# label asking
{n}[落ちてる?|使えないの自分だけ?|障害?|おかしくない?]
{n}使えない人[いる?|いますか?]
# label resolved
{n}[復活した|直った|復旧したっぽい]
# label news_or_brand
{n}で[大規模な障害|通信障害] [復旧急ぐ|原因調査中] {u}
# label named
{n}で送っといて
{n}のスタンプ[かわいい|買った]
# label background
おはよう{c}
[眠い|お腹すいた|寒い]
今日の試合[やばい|最高]
電車混んでる
# openers
え、
ねえ
また
# tails
@{c}
{d}です
# closers
自分だけ?
みんなは?
なんで
# slot t
-
んだけど
、朝から
、さっきから
"""

HINDI = """
# symptom cannot send
{n} pe message [send nahi ho raha|nahi ja raha] {t}
{n} से मैसेज [नहीं जा रहा|सेंड नहीं हो रहा] {t}
# symptom delayed
{n} ke message [bahut late|{k} minute late] aa rahe hain {t}
# symptom sign-in
{n} me login nahi ho raha {t}
# symptom total outage
{n} [nahi chal raha|band hai|down hai|kaam nahi kar raha] {t}
{n} [नहीं चल रहा|बंद है|काम नहीं कर रहा] {t}
{n} [down ho gaya|phir se down] yaar
# symptom slow
{n} bahut slow hai {t}
# symptom payment
{n} se payment [fail ho raha|atak gaya|nahi ho raha] {t}
# label asking
{n} [down hai kya|chal raha hai kya kisi ka|sabka band hai]?
kya {n} sirf mera nahi chal raha?
क्या {n} [डाउन|बंद] है?
# label resolved
{n} [chalu ho gaya|wapas aa gaya]
# label named
{n} pe bhej do
{n} group me {k} good morning messages
# label background
good morning {c}
kya match tha yaar
chai time
aaj bahut garmi hai
# openers
yaar
arre
bhai
# tails
{c} me
wifi theek hai
# closers
aur kisi ko?
sirf mujhe?
# slot t
-
subah se
abhi
aaj
# slot w
mummy
bhai
boss
"""

INDONESIAN = """
# symptom cannot send
[ga|gak|nggak] bisa kirim [pesan|apa apa] di {n} {t}
# symptom delayed
pesan {n} telat [banget|{k} menit] {t}
# symptom sign-in
{n} ga bisa login {t}
# symptom total outage
{n} [error|down|eror|ga bisa dibuka|gangguan] {t}
{n} [lagi down|down lagi] nih
# symptom slow
{n} lemot banget {t}
# label asking
{n} [down|error] ya?
{n} kalian [error|ga bisa] juga ga?
cuma aku yang {n} nya error?
# label resolved
{n} udah [normal|balik] lagi
# label news_or_brand
{n} down, [ribuan pengguna melapor|ini penjelasannya] {u}
# label named
chat aja di {n}
grup {n} rame banget
# label background
selamat pagi {c}
macet banget
lapar tapi mager
hujan lagi
# openers
duh
eh
lah
# tails
di {c}
udah {k} menit
# closers
ada yang sama?
cuma aku?
# slot t
-
dari pagi
sekarang
hari ini
"""
