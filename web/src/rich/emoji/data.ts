/** The common emoji in groups, each with words in English and Chinese to find it by. Loaded when the picker opens. */

export type EmojiGroup = "faces" | "people" | "hearts" | "nature" | "food" | "places" | "things" | "signs";

export interface Emoji {
  readonly glyph: string;
  /** English words first; the first is its name. All in lower case. */
  readonly words: readonly string[];
}

const SOURCE: Readonly<Record<EmojiGroup, string>> = {
  faces: `
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
🙊 speak no evil monkey 猴 不说`,
  people: `
👍 thumbs up good yes ok 赞 好 棒
👎 thumbs down bad no 踩 差
👌 ok perfect 好的 可以
🤌 pinched fingers italian 捏手
✌️ victory peace 胜利 耶
🤞 fingers crossed luck 祈祷 好运
🤟 love you gesture 爱你
🤘 rock horns 摇滚
🤙 call me shaka 打电话
👈 point left 左
👉 point right 右
👆 point up 上
👇 point down 下
☝️ index up one 一 上
✋ raised hand stop high five 举手 停
👋 wave hello bye hi 你好 再见 挥手
🤚 back of hand 手背
🖖 vulcan spock 瓦肯
👏 clap applause bravo 鼓掌
🙌 raise hands hooray 举手 万岁
🫶 heart hands love 比心
👐 open hands 张开手
🤝 handshake deal 握手 合作
🙏 pray please thanks 谢谢 拜托 祈祷
✍️ writing 写
💪 muscle strong 加油 肌肉 强
👊 fist bump punch 拳头
✊ raised fist 拳头 加油
🫰 finger heart snap 比心
💅 nail polish 指甲
👀 eyes look 看 眼睛
👁️ eye 眼
👂 ear listen 听 耳朵
👃 nose 鼻子
🧠 brain smart 大脑 聪明
👄 mouth 嘴
🦷 tooth 牙
👶 baby 宝宝
🧒 child 孩子
👦 boy 男孩
👧 girl 女孩
👨 man 男人
👩 woman 女人
👴 old man grandpa 爷爷
👵 old woman grandma 奶奶
🙋 raising hand question 举手 提问
🤷 shrug dunno 耸肩 不知道
🤦 facepalm 捂脸
🙇 bow sorry thanks 鞠躬 抱歉
🙆 ok gesture 可以
🙅 no gesture 不行 不
💁 tipping hand 介绍
🧑‍💻 technologist coder developer 程序员
🧑‍🍳 cook chef 厨师
🧑‍🏫 teacher 老师
🧑‍🎓 student graduate 学生 毕业
🕵️ detective 侦探
🦸 superhero 超人
🎅 santa christmas 圣诞老人
🚶 walking 走
🏃 running run 跑
💃 dancing woman 跳舞
🕺 dancing man 跳舞
👯 party dancers 派对
🧘 yoga meditate 瑜伽 冥想
🛌 in bed sleep 睡觉
👪 family 家 家庭
🗣️ speaking 说话`,
  hearts: `
❤️ red heart love 爱 心 红心
🧡 orange heart 橙心
💛 yellow heart 黄心
💚 green heart 绿心
💙 blue heart 蓝心
💜 purple heart 紫心
🖤 black heart 黑心
🤍 white heart 白心
🤎 brown heart 棕心
💔 broken heart 心碎
❤️‍🔥 heart on fire 火热
💕 two hearts love 爱
💞 revolving hearts 爱
💓 beating heart 心跳
💗 growing heart 爱
💖 sparkling heart 爱
💘 arrow heart cupid 爱 丘比特
💝 heart ribbon gift 礼物 爱
💋 kiss lips 吻 嘴唇
💌 love letter 情书
💯 hundred perfect score 满分 一百
💢 anger 生气
💥 boom collision 爆炸
💫 dizzy star 晕
💦 sweat drops 汗 水
💨 dash fast 快 跑
🔥 fire hot lit 火 热
✨ sparkles shiny 闪亮 星
⭐ star 星星
🌟 glowing star 星星
🎉 party popper tada celebrate congratulations 庆祝 恭喜
🎊 confetti celebrate 庆祝
🎈 balloon 气球
🎁 gift present 礼物
🏆 trophy win 奖杯 冠军
🥇 gold medal first 金牌 第一
🥈 silver medal 银牌
🥉 bronze medal 铜牌
🎯 target dart bullseye 目标
💤 zzz sleep 睡觉
💬 speech message chat 消息 聊天
💭 thought 想`,
  nature: `
🐶 dog 狗
🐱 cat 猫
🐭 mouse 老鼠
🐹 hamster 仓鼠
🐰 rabbit bunny 兔子
🦊 fox 狐狸
🐻 bear 熊
🐼 panda 熊猫
🐨 koala 考拉
🐯 tiger 老虎
🦁 lion 狮子
🐮 cow 牛
🐷 pig 猪
🐸 frog 青蛙
🐵 monkey 猴子
🐔 chicken 鸡
🐧 penguin 企鹅
🐦 bird 鸟
🐤 chick 小鸡
🦆 duck 鸭
🦉 owl 猫头鹰
🐺 wolf 狼
🐴 horse 马
🦄 unicorn 独角兽
🐝 bee 蜜蜂
🐛 bug worm 虫
🦋 butterfly 蝴蝶
🐌 snail slow 蜗牛 慢
🐞 ladybug 瓢虫
🐢 turtle slow 乌龟 慢
🐍 snake python 蛇
🐉 dragon 龙
🐙 octopus 章鱼
🦀 crab rust 螃蟹
🦐 shrimp 虾
🐟 fish 鱼
🐬 dolphin 海豚
🐳 whale docker 鲸鱼
🦈 shark 鲨鱼
🐘 elephant 大象
🐑 sheep 羊
🐓 rooster 公鸡
🐾 paw 爪
🌵 cactus 仙人掌
🎄 christmas tree 圣诞树
🌲 evergreen tree 树
🌳 tree 树
🌴 palm tree 棕榈 树
🌱 seedling plant 发芽
🍀 clover luck 四叶草 好运
🍁 maple leaf autumn 枫叶 秋天
🍂 fallen leaf autumn 落叶 秋天
🌸 cherry blossom flower 樱花 花
🌹 rose flower 玫瑰 花
🥀 wilted flower 凋谢
🌻 sunflower 向日葵
🌷 tulip flower 郁金香 花
💐 bouquet flowers 花束
🌍 earth world globe 地球 世界
🌙 moon night 月亮
🌕 full moon 满月
☀️ sun sunny 太阳 晴
⛅ cloud sun 多云
☁️ cloud 云
🌧️ rain 下雨
⛈️ storm thunder 雷雨
❄️ snow cold 雪
⛄ snowman 雪人
🌈 rainbow 彩虹
⚡ lightning zap 闪电
💧 drop water 水滴
🌊 wave sea 海浪
☔ umbrella rain 雨伞`,
  food: `
🍎 apple 苹果
🍊 orange tangerine 橙子 橘子
🍋 lemon 柠檬
🍌 banana 香蕉
🍉 watermelon 西瓜 吃瓜
🍇 grapes 葡萄
🍓 strawberry 草莓
🍒 cherry 樱桃
🍑 peach 桃子
🥭 mango 芒果
🍍 pineapple 菠萝
🥥 coconut 椰子
🥑 avocado 牛油果
🍅 tomato 西红柿
🥔 potato 土豆
🌽 corn 玉米
🌶️ chili hot spicy 辣椒 辣
🥦 broccoli 西兰花
🍄 mushroom 蘑菇
🍞 bread 面包
🥐 croissant 牛角包
🧀 cheese 奶酪
🥚 egg 鸡蛋
🥩 meat steak 肉 牛排
🍗 chicken leg 鸡腿
🍔 burger 汉堡
🍟 fries 薯条
🍕 pizza 披萨
🌭 hot dog 热狗
🌮 taco 塔可
🥗 salad 沙拉
🍝 spaghetti pasta 意面
🍜 noodles ramen 面条 拉面
🍲 pot stew hotpot 火锅
🍚 rice 米饭
🍙 rice ball 饭团
🍣 sushi 寿司
🥟 dumpling 饺子
🥡 takeout 外卖
🍦 ice cream 冰淇淋
🍩 doughnut 甜甜圈
🍪 cookie 饼干
🎂 birthday cake 生日 蛋糕
🍰 cake 蛋糕
🍫 chocolate 巧克力
🍬 candy 糖
🍿 popcorn 爆米花
🥮 moon cake 月饼
☕ coffee 咖啡
🍵 tea 茶
🧋 bubble tea 奶茶
🥛 milk 牛奶
🍺 beer 啤酒
🍻 cheers beers 干杯 啤酒
🥂 clinking glasses toast 干杯
🍷 wine 红酒
🍸 cocktail 鸡尾酒
🥢 chopsticks 筷子
🍴 fork knife eat 吃饭 餐具`,
  places: `
🚗 car 汽车
🚕 taxi 出租车
🚌 bus 公交
🚑 ambulance 救护车
🚒 fire engine 消防车
🚚 truck delivery 卡车 快递
🚲 bicycle bike 自行车
🛵 scooter 电动车
🏍️ motorcycle 摩托车
🚄 fast train 高铁
🚇 metro subway 地铁
✈️ airplane flight travel 飞机 旅行
🚀 rocket launch ship 火箭 发布
🚁 helicopter 直升机
⛵ sailboat 帆船
🚢 ship 轮船
⚓ anchor 锚
🚦 traffic light 红绿灯
🚧 construction wip 施工
🗺️ map 地图
🧭 compass 指南针
🏠 house home 家 房子
🏢 office building 办公楼
🏥 hospital 医院
🏦 bank 银行
🏨 hotel 酒店
🏫 school 学校
🏖️ beach holiday 海滩 度假
🏔️ mountain 山
⛺ tent camping 露营
🌋 volcano 火山
🌃 night city 夜晚
🌅 sunrise 日出
🎡 ferris wheel 摩天轮
⚽ soccer football 足球
🏀 basketball 篮球
🏐 volleyball 排球
🎾 tennis 网球
🏓 ping pong table tennis 乒乓球
🏸 badminton 羽毛球
🏊 swim 游泳
🚴 cycling 骑车
🏋️ weights gym 健身 举重
⛷️ ski 滑雪
🎮 video game 游戏
🎲 dice game 骰子
🧩 puzzle 拼图
♟️ chess 象棋
🀄 mahjong 麻将
🎨 art palette paint 画 艺术
🎬 movie film 电影
🎤 microphone karaoke 唱歌
🎧 headphones music 耳机 音乐
🎵 music note 音乐
🎸 guitar 吉他
🎹 piano 钢琴
🎻 violin 小提琴
🥁 drum 鼓`,
  things: `
📱 phone mobile 手机
💻 laptop computer 电脑
🖥️ desktop computer 电脑
⌨️ keyboard 键盘
🖱️ mouse 鼠标
🖨️ printer 打印机
📷 camera photo 相机
📺 television tv 电视
📞 telephone call 电话
🔋 battery 电池
🔌 plug power 插头
💡 idea bulb light 灯泡 想法
🔦 flashlight 手电
🕯️ candle 蜡烛
⏰ alarm clock time 闹钟 时间
⌚ watch 手表
⏳ hourglass wait 沙漏 等
💰 money bag 钱
💵 dollar cash 美元 钱
💳 credit card 信用卡
🧧 red envelope hongbao 红包
🏮 lantern 灯笼
🧨 firecracker 鞭炮
🎆 fireworks 烟花
💎 gem diamond ruby 钻石
🔧 wrench fix tool 扳手 修
🔨 hammer 锤子
🛠️ tools build 工具
⚙️ gear settings 设置 齿轮
🧰 toolbox 工具箱
🧪 test tube 试管 测试
🔬 microscope 显微镜
🔭 telescope 望远镜
💊 pill medicine 药
💉 syringe vaccine 针 疫苗
🩹 bandage patch 创可贴
🧹 broom clean 扫帚 打扫
🧻 toilet paper 卫生纸
🚪 door 门
🛏️ bed 床
🛒 shopping cart 购物车
📦 package box 包裹 快递
📧 email mail 邮件
📬 mailbox 邮箱
📝 memo note 笔记 备忘
📄 document page 文件
📁 folder 文件夹
📅 calendar date 日历 日期
📈 chart up growth 上涨 增长
📉 chart down 下跌
📊 bar chart 图表
📌 pin 图钉
📎 paperclip attach 回形针 附件
✂️ scissors cut 剪刀
📏 ruler 尺子
📚 books 书
📖 open book read 读书
🔖 bookmark 书签
🔗 link 链接
🔒 lock closed secure 锁 安全
🔓 unlock open 解锁
🔑 key 钥匙
🛡️ shield 盾
🔍 search magnifier 搜索
🗑️ trash bin 垃圾桶
👑 crown king 皇冠
👓 glasses 眼镜
👔 shirt tie 衬衫
👗 dress 裙子
👟 sneaker shoe 鞋
👜 handbag 包
🎒 backpack 书包
☂️ umbrella 伞`,
  signs: `
✅ check done yes 完成 对
☑️ checkbox 勾选
✔️ check mark 对
❌ cross no wrong 错 不
❎ cross button 错
➕ plus add 加
➖ minus 减
✖️ multiply 乘
❓ question 问号 问题
❔ white question 问号
❗ exclamation important 感叹号 重要
‼️ double exclamation 感叹号
⚠️ warning 警告
🚫 forbidden no 禁止
⛔ no entry 禁止
🛑 stop 停
🆗 ok button 好
🆕 new 新
🆒 cool button 酷
🆓 free 免费
🔝 top 顶
🔴 red circle 红
🟠 orange circle 橙
🟡 yellow circle 黄
🟢 green circle 绿
🔵 blue circle 蓝
🟣 purple circle 紫
⚫ black circle 黑
⚪ white circle 白
➡️ right arrow 右 箭头
⬅️ left arrow 左 箭头
⬆️ up arrow 上 箭头
⬇️ down arrow 下 箭头
🔄 refresh sync 刷新 同步
🔁 repeat 重复
▶️ play 播放
⏸️ pause 暂停
⏹️ stop button 停止
🔔 bell notification 铃 通知
🔕 bell off mute 静音
📢 loudspeaker announce 公告
🔊 loud volume 声音
🔇 mute silent 静音
♻️ recycle 回收
♾️ infinity 无限
©️ copyright 版权
™️ trademark 商标
0️⃣ zero 零
1️⃣ one 一
2️⃣ two 二
3️⃣ three 三
🔟 ten 十
🏁 finish flag 终点
🚩 red flag 红旗
🏳️ white flag surrender 白旗 投降
🏴‍☠️ pirate flag 海盗
🇨🇳 china flag 中国
🇺🇸 usa america flag 美国
🇬🇧 uk britain flag 英国
🇪🇺 europe flag 欧洲
🇩🇪 germany flag 德国
🇫🇷 france flag 法国
🇯🇵 japan flag 日本
🇰🇷 korea flag 韩国`,
};

function parse(lines: string): Emoji[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [glyph = "", ...words] = line.split(" ");
      return { glyph, words };
    });
}

export const emojiGroups: readonly { readonly group: EmojiGroup; readonly emoji: readonly Emoji[] }[] = (
  Object.keys(SOURCE) as EmojiGroup[]
).map((group) => ({ group, emoji: parse(SOURCE[group]) }));
