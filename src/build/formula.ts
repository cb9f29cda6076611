/** What a formula of Homebrew is rendered from. */
export interface Formula {
  readonly version: string;
  /** `owner/name` on GitHub. */
  readonly repository: string;
  /** The text of SHA256SUMS. */
  readonly sums: string;
}

/** For a tap. Fails when a sum is missing: a formula that does not check is none. */
export function toFormula({ version, repository, sums }: Formula): string {
  const source = (target: string) => {
    const name = `anyclaude-${target}.tar.gz`;
    const sum = sums.split("\n").find((line) => line.endsWith(`  ${name}`))?.split(" ")[0];
    if (!sum) throw new Error(`Cannot render the formula: no sum of ${name}`);
    return `      url "https://github.com/${repository}/releases/download/v${version}/${name}"
      sha256 "${sum}"`;
  };
  return `class Anyclaude < Formula
  desc "Claude Code on a model of your choice, first of all a local MLX model"
  homepage "https://github.com/${repository}"
  version "${version}"
  license "MIT"

  depends_on "uv"

  on_macos do
    depends_on arch: :arm64

    on_arm do
${source("darwin-arm64")}
    end
  end

  on_linux do
    on_intel do
${source("linux-x64")}
    end

    on_arm do
${source("linux-arm64")}
    end
  end

  def install
    bin.install "anyclaude"
    # Homebrew's sandbox denies the user's own home.
    ENV["HOME"] = buildpath
    generate_completions_from_executable(bin/"anyclaude", "completion")
  end

  def caveats
    <<~TEXT
      Claude Code itself comes from Anthropic: npm install -g @anthropic-ai/claude-code
      A first look, without a download: anyclaude --model tiny
      Before you remove it: anyclaude uninstall
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/anyclaude --version")
    assert_match "anyclaude COMMAND", shell_output("#{bin}/anyclaude --help")
  end
end
`;
}
