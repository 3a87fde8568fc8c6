/** Emoji of the group "faces": the glyph, then words to find it by, in English and Chinese. */

export const faces = `
😀 grin smile happy 笑 开心
😃 smile happy joy 大笑 开心
😄 laugh smile happy 大笑 开心
😁 beaming grin teeth 呲牙 嘻嘻
😆 laughing squint haha 哈哈 大笑
😅 sweat relief nervous 汗 尴尬 苦笑
🤣 rofl rolling floor laughing 笑翻 哈哈
😂 joy tears laughing lol 笑哭 哈哈
🙂 slight smile ok 微笑
🙃 upside down silly 倒脸 无奈
🫠 melting hot 融化 热
😉 wink 眨眼
😊 blush happy warm 害羞 开心 微笑
😇 angel innocent halo 天使
🥰 love hearts adore 喜欢 爱
😍 heart eyes love 色 喜欢 爱
🤩 star struck wow 崇拜 哇
😘 kiss blow 亲 飞吻
😗 kissing 亲
😚 kiss closed eyes 亲 害羞
🥲 happy tear touched 感动 含泪
😋 yum delicious tasty 好吃 馋
😛 tongue 吐舌
😜 wink tongue crazy 调皮
🤪 zany crazy 疯 搞怪
😝 squint tongue 调皮 吐舌
🤑 money rich 发财 钱
🤗 hug 拥抱 抱抱
🤭 giggle oops 偷笑 捂嘴
🫢 gasp surprised 捂嘴 惊讶
🤫 shush quiet secret 嘘 安静
🤔 thinking hmm 思考 想
🫡 salute yes sir 敬礼 收到
🤐 zipper mouth secret 闭嘴
🤨 raised eyebrow doubt 怀疑 挑眉
😐 neutral meh 面无表情
😑 expressionless 无语
😶 no mouth silent 沉默
😏 smirk 得意 坏笑
😒 unamused 不高兴 撇嘴
🙄 eye roll 白眼
😬 grimace awkward 尴尬 咧嘴
🤥 lying pinocchio 说谎
😌 relieved calm 放松 安心
😔 pensive sad 失落 难过
😪 sleepy 困
🤤 drool 流口水
😴 sleeping zzz 睡觉 困
😷 mask sick 口罩 生病
🤒 fever sick thermometer 发烧 生病
🤕 hurt bandage 受伤
🤢 nauseated sick 恶心
🤮 vomit 吐
🤧 sneeze cold 感冒 喷嚏
🥵 hot heat 热
🥶 cold freezing 冷
🥴 woozy drunk 晕 醉
😵 dizzy 晕
🤯 mind blown explode 震惊 爆炸
🤠 cowboy 牛仔
🥳 party celebrate birthday 庆祝 派对 生日
😎 cool sunglasses 酷 墨镜
🤓 nerd geek 书呆子 眼镜
🧐 monocle inspect 观察 仔细
😕 confused 困惑
😟 worried 担心
🙁 frown sad 难过
😮 open mouth wow 惊讶
😯 hushed surprised 惊讶
😲 astonished 震惊
😳 flushed embarrassed 脸红 尴尬
🥺 pleading please puppy 可怜 求
🥹 holding back tears touched 感动 忍泪
😨 fearful scared 害怕
😰 anxious sweat 紧张 冷汗
😥 sad relieved 难过
😢 cry sad tear 哭 难过
😭 sob cry loud 大哭 流泪
😱 scream fear 尖叫 害怕
😖 confounded 纠结
😣 persevere 忍耐
😞 disappointed 失望
😓 downcast sweat 汗 累
😩 weary tired 累 崩溃
😫 tired exhausted 累
🥱 yawn bored 哈欠 无聊
😤 huff triumph steam 生气 哼
😡 pouting angry rage 愤怒 生气
😠 angry mad 生气
🤬 swearing cursing 骂人
😈 devil smiling 恶魔 坏笑
💀 skull dead 骷髅 笑死
💩 poop 便便 屎
🤡 clown 小丑
👻 ghost 鬼 幽灵
👽 alien 外星人
🤖 robot bot 机器人
😺 cat smile 猫 笑
😹 cat joy 猫 笑哭
🙈 see no evil monkey 猴 不看 害羞
🙉 hear no evil monkey 猴 不听
🙊 speak no evil monkey 猴 不说
`;
