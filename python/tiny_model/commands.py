"""Shell commands that a user may name, with places to fill in."""

from __future__ import annotations

# {f} a file, {d} a folder, {w} a word, {n} a number, {e} an extension, {t} some text
commands = """ls
ls -la
pwd
whoami
date
make
env
git status
git status --short
git diff
git log --oneline
git log --oneline | head -n {n}
git add {f}
git commit -m "{t}"
npm test
npm run build
npm install {w}
python3 --version
node --version
uname -a
df -h
cat {f}
cat {f} {f}
cat {f} | grep {w} | wc -l
head -n {n} {f}
tail -n {n} {f}
wc -l {f}
wc -l {d}/*.{e}
grep -n {w} {f}
grep -rn "{t}" {d}
find {d} -name "*.{e}"
find . -type f | wc -l
echo {w}
echo {t}
echo "{t}"
echo '{t}' > {f}
echo {n}
seq 1 {n}
sleep {n}
mkdir -p {d}/{w}
ls {d}
ls /{w}
ls -la | head -n {n}
ls -la {d} | head -n {n}
sort {f} | uniq -c
diff {f} {f}
cp {f} {f}
mv {f} {d}/
chmod +x {f}
test -f {f} && echo {w}
touch {f}
curl -s http://localhost:{n}/{w}
python3 -c "print({n})"
pip list | grep {w}
{w} --{w} {f}
{w} {w}; {w} -{w}""".split("\n")
