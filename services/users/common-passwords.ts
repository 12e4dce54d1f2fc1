/** Passwords of eight characters and more that are tried first by whoever guesses: words, keyboard walks, counting. Lower case. */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
  12345678 123456789 1234567890 12345678910 123456789a 123456789q 0123456789 9876543210 987654321 87654321 11223344
  1122334455 12341234 12344321 123123123 123321123 147258369 159357159 159753159 741852963 789456123 88888888 00000000
  11111111 12121212 13131313 123456abc 1234abcd 1234qwer a1234567 a12345678 a123456789 aa123456 aa12345678 ab123456
  abc12345 abc123456 abcd1234 abcd12345 abcdefgh abcdefg1 abcdefghi
  1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 qazwsxedc q1w2e3r4 q1w2e3r4t5 zaq12wsx zaq1zaq1
  asdf1234 asdfasdf asdfghjk asdfghjkl qwer1234 qwerasdf qwerqwer qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui
  qwertyuiop zxcvbnm1 zxcvbnm123 zxcvbnm, poiuytrewq
  password password! password1 password1! password12 password123 password123! password1234 password2 password01 p@ssw0rd
  p@ssword p@ssword1 p@ssw0rd1 p@ssw0rd123 pa$$word pa$$w0rd passw0rd passw0rd1 passwort mypassword thepassword
  adminadmin admin123 admin1234 admin12345 admin123456 administrator admin@123 root1234 rootroot toor1234 user1234
  userpassword test1234 testtest testing1 testing123 guest123 guestguest changeme changeme1 changeme123 default1 secret123
  secretsecret letmein1 letmein123 welcome1 welcome1! welcome12 welcome123 welcome@123 login123 master123 access14
  iloveyou iloveyou1 iloveyou2 iloveyou! ilovegod lovelove loveyou1 loveme123 sunshine sunshine1 princess princess1 football
  football1 baseball baseball1 basketball superman superman1 batman123 starwars pokemon1 pokemon123 michael1 michelle
  jennifer jessica1 jordan23 charlie1 computer computer1 internet samsung1 samsung123 google123 facebook facebook1 whatever
  whatever1 trustno1 freedom1 dragon123 monkey123 shadow123 killer123 butterfly chocolate chocolate1 liverpool liverpool1
  chelsea1 arsenal1 mercedes corvette midnight november december september victoria elephant dolphins champion
  spring2024 spring2025 spring2026 summer2024 summer2025 summer2026 autumn2024 autumn2025 autumn2026 winter2024 winter2025
  winter2026 january1 company1 company123 q1w2e3r4t5y6 asdasdasd qweqweqwe qwe123qwe zxczxczxc aaaaaaaa1
  tkfkdgo1 tkfkdgo123 dkssud12 dkssud123 dkssud1234 qlalfqjsgh gksrnr123 eogksalsrnr
  `
    .split(/\s+/)
    .filter(Boolean),
)
