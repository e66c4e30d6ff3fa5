"""What simulated people write in Spanish, French, German, Portuguese and Italian: authored here."""

SPANISH = """
# symptom cannot send
no [puedo enviar|se envían los|salen los] mensajes [de|en|por] {n}
{n} no [envía|manda] [nada|mis mensajes] {t}
los mensajes de {n} [no se envían|dan error|salen como no entregado]
# symptom delayed
los mensajes de {n} [llegan tarde|llegan con {k} minutos de retraso|tardan muchísimo]
{n} va con [mucho|un montón de] retraso {t}
# symptom cannot receive
no me [llegan|entran] los mensajes de {n} {t}
# symptom sign-in
{n} me [cerró la sesión|echó] y no [me deja entrar|puedo entrar]
no puedo [iniciar sesión|entrar] en {n} {t}
# symptom app crash
{n} [se cierra solo|se me cierra|se queda en blanco] {t}
# symptom slow
{n} va [lentísimo|muy lento|a pedales] {t}
# symptom total outage
[se cayó|se ha caído|está caído] {n} [otra vez|{t}|]
{n} no [funciona|va|anda|me funciona] {t}
[caída|caído] de {n} en {c}
# symptom feed
{n} no [carga|actualiza|me carga las historias] {t}
# label asking
¿[se cayó|está caído|no va|no funciona] {n}[?| o soy solo yo?]
¿a alguien más no le [funciona|va|anda] {n}?
¿qué [pasa|le pasa a|está pasando con] {n}?
# label resolved
ya [volvió|funciona] {n}
parece que {n} ya va
# label news_or_brand
Caída [mundial|masiva] de {n}: [miles de usuarios reportan fallos|lo que se sabe] {u}
# label joke
se cae {n} y todos [corremos aquí|a hablar con la familia]
# label named
te lo mando por {n}
[hoy|ayer] {k} mensajes en el grupo de {n}, socorro
me encanta lo nuevo de {n}
# label background
buenos días {c}
qué [calor|frío|sueño] hace hoy
[vaya partido|qué golazo|menudo árbitro]
necesito vacaciones ya
# openers
oye
uf
a ver
en serio,
otra vez
ayuda,
# tails
en {c}
en mi {d}
desde hace {k} minutos
y tengo wifi
# closers
¿a alguien más?
¿solo a mí?
¿alguien más con esto?
¿qué pasa?
# slot t
-
desde esta mañana
ahora mismo
hoy
desde hace una hora
# slot w
mi madre
mi hermana
mi jefe
"""

FRENCH = """
# symptom cannot send
impossible d'envoyer [un message|quoi que ce soit] sur {n} {t}
mes messages {n} ne [partent pas|partent plus|s'envoient pas] {t}
# symptom delayed
les messages {n} arrivent [en retard|avec {k} minutes de retard|au compte-gouttes] {t}
# symptom cannot receive
je ne reçois [plus|aucun de] mes messages {n} {t}
# symptom sign-in
impossible de me connecter à {n} {t}
{n} m'a [déconnecté|éjecté] et je ne peux plus me connecter
# symptom app crash
{n} [plante|se ferme tout seul|plante au lancement] {t}
# symptom slow
{n} [rame|est super lent|met une plombe à charger] {t}
# symptom total outage
{n} [est en panne|ne marche plus|ne fonctionne pas|est down|bugue] {t}
panne {n} [à {c}|encore|générale]
# symptom feed
{n} ne [charge plus|s'actualise plus] {t}
# label asking
{n} [en panne|ne marche plus|bugue] ou c'est [que moi|juste moi] ?
[quelqu'un d'autre a|vous avez aussi] des soucis avec {n} ?
il se passe quoi avec {n} ?
# label resolved
{n} [remarche|est revenu|refonctionne] enfin
# label news_or_brand
Panne [mondiale|géante] chez {n} : [ce que l'on sait|des milliers d'utilisateurs touchés] {u}
# label named
je t'envoie ça sur {n}
trop de groupes {n}, au secours
la nouvelle version de {n} est sympa
# label background
bonjour {c}
il fait [froid|beau|gris] ce matin
quel [match|but] !
vivement le week-end
# openers
bon
euh
sérieux
super,
encore une fois
# tails
à {c}
sur mon {d}
depuis {k} minutes
alors que le wifi marche
# closers
vous aussi ?
c'est que moi ?
quelqu'un d'autre ?
# slot t
-
depuis ce matin
là
depuis une heure
aujourd'hui
# slot w
ma mère
ma sœur
mon chef
"""

GERMAN = """
# symptom cannot send
kann [nichts|keine Nachrichten] über {n} [senden|verschicken] {t}
{n} [sendet|verschickt] {t} [nichts|keine Nachrichten mehr]
# symptom delayed
{n} Nachrichten kommen {t} [viel zu spät|{k} Minuten später|verzögert] an
# symptom cannot receive
bekomme {t} keine {n} Nachrichten [mehr|]
# symptom sign-in
kann mich {t} nicht bei {n} [anmelden|einloggen]
{n} hat mich [rausgeworfen|abgemeldet], Login geht nicht
# symptom app crash
{n} [stürzt ab|schließt sich ständig|hängt sich auf] {t}
# symptom slow
{n} ist {t} [extrem langsam|total lahm]
# symptom total outage
{n} [geht nicht|funktioniert nicht|ist down|ist ausgefallen|gestört] {t}
{n} Störung [in {c}|schon wieder|{t}]
bei {n} geht {t} gar nichts
# symptom mail
{n} [empfängt|holt] {t} keine Mails
# symptom feed
{n} [lädt nicht|aktualisiert nicht] {t}
# label asking
[Ist|ist] {n} [down|gestört|bei euch auch weg]?
[Hat noch jemand|noch jemand] [Probleme|Ärger] mit {n}?
was ist denn mit {n} los?
geht {n} bei euch?
# label resolved
{n} [geht wieder|läuft wieder]
# label news_or_brand
{n}: [Störung|Ausfall] [bei Tausenden Nutzern|weltweit], [was wir wissen|Ursache unklar] {u}
# label named
schick mir das über {n}
{k} ungelesene in der {n} Gruppe
das neue {n} gefällt mir
# label background
guten Morgen {c}
[Bahn|Bus] kommt [mal wieder|heute] nicht
was für ein Spiel
endlich Feierabend
Kaffee ist alle
# openers
na toll,
hä
super,
so,
ernsthaft,
# tails
in {c}
auf dem {d}
seit {k} Minuten
trotz WLAN
# closers
noch jemand?
nur bei mir?
bei euch auch?
was ist da los?
# slot t
-
seit heute früh
gerade
heute
seit einer Stunde
# slot w
meine Mutter
mein Chef
meine Schwester
"""

PORTUGUESE = """
# symptom cannot send
[não consigo|n consigo] [enviar|mandar] [mensagem|nada] no {n} {t}
minhas mensagens do {n} não [vão|enviam] {t}
# symptom delayed
mensagem do {n} chegando [{k} minutos|super|muito] [atrasada|depois] {t}
# symptom cannot receive
não [recebo|chega] nada no {n} {t}
# symptom sign-in
não consigo [entrar|logar] no {n} {t}
o {n} me [deslogou|tirou] e não deixa entrar
# symptom app crash
{n} [fechando sozinho|travando|travou] {t}
# symptom slow
{n} [muito|super] lento {t}
# symptom total outage
{n} [caiu|fora do ar|não funciona|tá fora do ar|não está funcionando] {t}
[caiu|parou] o {n} [de novo|em {c}|{t}]
# symptom feed
{n} não [carrega|atualiza] {t}
# label asking
[o|] {n} [caiu|tá fora do ar|parou][?| ou é só o meu?]
mais alguém com problema no {n}?
o que [houve|tá rolando] com o {n}?
# label resolved
{n} voltou [gente|finalmente|]
# label news_or_brand
{n} fica fora do ar [no mundo todo|para milhares de usuários] {u}
# label joke
{n} caiu e eu [descobri que tenho família|vim correndo pra cá]
# label named
me chama no {n}
{k} áudios no grupo do {n}, socorro
figurinha nova no {n}
# label background
bom dia {c}
que [calor|frio|jogo] hein
[bora|partiu] [praia|academia|dormir]
saudade de férias
# openers
gente
ué
aff
mano
sério,
# tails
em {c}
no meu {d}
faz {k} minutos
e o wifi tá normal
# closers
mais alguém?
só comigo?
alguém mais?
# slot t
-
desde cedo
agora
hoje
faz uma hora
# slot w
minha mãe
meu chefe
minha irmã
"""

ITALIAN = """
# symptom cannot send
non riesco a [inviare|mandare] [messaggi|niente] su {n} {t}
{n} non [invia|manda] i messaggi {t}
# symptom delayed
i messaggi di {n} arrivano [in ritardo|dopo {k} minuti] {t}
# symptom sign-in
non riesco ad [accedere|entrare] su {n} {t}
# symptom app crash
{n} [si chiude da solo|si blocca] {t}
# symptom slow
{n} è [lentissimo|lento] {t}
# symptom total outage
{n} [non funziona|non va|è down|è giù] {t}
{n} [down|bloccato] [a {c}|di nuovo|{t}]
# symptom feed
{n} non [carica|aggiorna] {t}
# label asking
{n} [down|non va|non funziona] [anche a voi?|solo a me?]
qualcun altro ha problemi con {n}?
ma che [succede|ha] {n}?
# label resolved
{n} [è tornato|funziona di nuovo]
# label news_or_brand
{n} down, [migliaia di segnalazioni|cosa sappiamo] {u}
# label named
scrivimi su {n}
{k} vocali su {n}, aiuto
# label background
buongiorno {c}
che [partita|freddo|sonno]
oggi pizza
# openers
ma
scusate
boh
ragazzi
# tails
a {c}
sul mio {d}
da {k} minuti
# closers
anche a voi?
solo a me?
qualcun altro?
# slot t
-
da stamattina
adesso
oggi
# slot w
mia madre
il capo
mia sorella
"""
